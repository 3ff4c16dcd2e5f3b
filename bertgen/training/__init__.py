"""Training of small encoder-decoders: recipes, data, a fast step, resumable runs, evaluation.

Needs what bertgen/training/requirements.txt lists. Use `python -m bertgen.training --help`.
"""
