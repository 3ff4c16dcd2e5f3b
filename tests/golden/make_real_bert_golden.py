"""What transformers 4.37.2 answers with real weights, the MiniLM of tests/install_weights.py.

.venv-oracle/bin/python tests/golden/make_real_bert_golden.py FOLDER   (install_weights.py prints it)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import BertModel, BertTokenizer

sys.path.insert(0, str(Path(__file__).parent))
from fingerprint import fingerprint

ROOT = Path(__file__).parent / "real_bert"
SENTENCES = (
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "Zwei Männer stehen am Herd und bereiten Essen zu.",
    "Unbelievably, the naïve café-owner's 3.14 recipes (all vegetarian!) sold out; nobody complained.",
    "Yes.",
)


def main() -> None:
    if transformers.__version__ != "4.37.2":
        raise SystemExit(f"the goldens are those of transformers 4.37.2, this is {transformers.__version__}")
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    tokenizer = BertTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder).eval()
    batch = tokenizer(list(SENTENCES), padding=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**batch, output_hidden_states=True)
    states = torch.stack(output.hidden_states)  # [7, B, T, C]
    last = batch["attention_mask"].sum(1)
    arrays = {
        "first_rows": states[:, :, 0].contiguous(),
        "last_rows": states[-1, range(len(SENTENCES)), last - 1].contiguous(),
        "shortest": output.last_hidden_state[3, : last[3]].contiguous(),
        "pooler_output": output.pooler_output,
    }
    ROOT.mkdir(exist_ok=True)
    save_file(arrays, ROOT / "expected.safetensors", metadata={"format": "pt"})
    (ROOT / "expected.safetensors").chmod(0o644)
    ids = [row[:length].tolist() for row, length in zip(batch["input_ids"], last, strict=True)]
    notes = {"sentences": SENTENCES, "ids": ids, "fingerprint": fingerprint(folder)}
    text = json.dumps(notes, indent=None, ensure_ascii=False)
    (ROOT / "expected.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
