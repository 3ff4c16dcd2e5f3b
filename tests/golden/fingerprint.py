"""Which checkpoint a golden was made of."""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint(folder: Path) -> str:
    """SHA-256 over the weights, the tokenizer and the configs of a checkpoint folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".safetensors", ".model") or path.name in ("config.json", "tokenizer_config.json"):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
