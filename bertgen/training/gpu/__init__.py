"""All checkpoints of the project in one go on one graphics card: pack, run, export.

What runs on the card (`run` and what it imports) needs PyTorch, numpy and safetensors, and nothing else of
the project, so that it can travel alone with the packed token ids.
"""
