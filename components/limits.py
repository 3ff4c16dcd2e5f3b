"""Every limit on what a stranger may ask of the page, in one place."""

from __future__ import annotations

# The body of one request, in bytes: the longest text, some settings, and room for JSON around them.
MAX_BODY = 1_000_000
# Visitors whose state Gradio keeps; the least recently seen one is forgotten first.
MAX_SESSIONS = 512

# The largest file of a checkpoint by its name (a pattern, the first that fits decides), in bytes. What fits
# none is never read. The largest published ones are a tenth of these.
LARGEST_FILES: tuple[tuple[str, float], ...] = (
    (r".*\.safetensors\.index\.json|.*\.bin\.index\.json", 20e6),
    (r"(tokenizer|vocab)\.json|vocab\.txt|merges\.txt|spiece\.model", 50e6),
    (r"[\w.-]+\.json", 2e6),
    (r"README\.md", 2e6),
    (r"[\w.-]+\.(safetensors|bin)", float("inf")),
)
# The header of a safetensors file, which names its tensors; 24 layers take a tenth of a megabyte.
MAX_HEADER = 10_000_000
# Files and folders beside each other in a checkpoint's folder.
MAX_FOLDER_ENTRIES = 2_000
