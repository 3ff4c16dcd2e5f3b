"""What only callers of transformers 4.37.2 need: its calls, options, older spellings and exceptions.

The core (`core.py` and the kinds of vocabulary) takes nothing from here but the exceptions.
"""
