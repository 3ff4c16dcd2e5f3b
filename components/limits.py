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

# Letters of a text; the models were trained on a tenth of it.
MAX_TEXT = 5000
# Sentences of a text that are run one by one.
MAX_PARTS = 24
# Letters of a folder's path, and of a token for the Hub.
MAX_PATH = 1000
MAX_TOKEN = 200
# Settings of a run: what the page's sliders offer, and what a number can be at all.
MAX_NEW_TOKENS = 256
MAX_BEAMS = 8
MAX_TOP_K = 1_000_000
MAX_SEED = 2**32 - 1
# What a session keeps: runs (a long text is up to 24 of them), opened checkpoints; and the bytes that
# the runs of all sessions may take.
RUNS = 36
OPENED = 16
BYTES = 512 * 1024 * 1024
# Requests that wait; another one is told that the page is busy.
QUEUE_SIZE = 64
# Bytes of attention that one run sends to the browser whole; of a larger one, single maps.
MAX_BYTES = 6_000_000
# Runs whose ids the browser may name as known, and single maps that it may ask for at once.
KNOWN_LIMIT = 32
SLICE_LIMIT = 6
# Letters of a model card that are shown; the longest of the well-known ones are a tenth of it.
MAX_CARD = 100_000
