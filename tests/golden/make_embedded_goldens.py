"""What transformers 4.37.2 writes with the embedded checkpoints: run it again whenever one of them changes.

    .venv-oracle/bin/python tests/golden/make_embedded_goldens.py

Writes embedded/<checkpoint>.json: ids and texts, greedy and beam 4, for its examples and some more
sentences in the language that it reads.
The checkpoint is named by a hash of its files, so that a stale golden is noticed.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))
from fingerprint import fingerprint
from record import compact

ROOT = Path(__file__).parent.parent.parent
CHECKPOINTS = ROOT / "assets" / "checkpoints"
MODES = {"greedy": {}, "beam": {"num_beams": 4}}
SENTENCES = (
    "Where is the nearest station?",
    "She told me that she would come back tomorrow.",
    "I have never been to Paris, but I would like to go there one day.",
    "Thank you very much!",
    "The children are playing in the garden.",
    "He isn't as old as I am.",
    "This package contains the development files of the library.",
    "Žofie 😀 likes naïve cafés.",
    "Why?",
)
GERMAN = (
    "Wo ist der nächste Bahnhof?",
    "Sie sagte mir, dass sie morgen zurückkommt.",
    "Ich war noch nie in Paris, aber ich möchte eines Tages dorthin fahren.",
    "Vielen Dank!",
    "Die Kinder spielen im Garten.",
    "Er ist nicht so alt wie ich.",
    "Dieses Paket enthält die Entwicklungsdateien der Bibliothek.",
    "Žofie 😀 mag naïve Cafés.",
    "Warum?",
)


def answers(folder: Path) -> dict:
    """Ids (without the start token) and texts of every sentence and mode."""
    profile = json.loads((folder / "profile.json").read_text(encoding="utf-8"))
    tokenizer = transformers.BertGenerationTokenizer.from_pretrained(folder)
    model, info = transformers.EncoderDecoderModel.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values()), info
    sentences = GERMAN if profile["task"] == "translate-de-en" else SENTENCES
    runs = []
    for text in [*profile["examples"], *sentences]:
        source = tokenizer(text, return_tensors="pt")
        run = {"text": text, "source_ids": source.input_ids[0].tolist()}
        for mode, options in MODES.items():
            ids = model.generate(**source, **options)[0, 1:].tolist()
            run[mode] = {"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=True)}
        runs.append(run)
    return {"fingerprint": fingerprint(folder), "runs": runs}


def main() -> None:
    if transformers.__version__ != "4.37.2":
        raise SystemExit(f"the goldens are those of transformers 4.37.2, this is {transformers.__version__}")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    target = Path(__file__).parent / "embedded"
    target.mkdir(exist_ok=True)
    for profile in sorted(CHECKPOINTS.glob("*/profile.json")):
        text = json.dumps(answers(profile.parent), indent=1, ensure_ascii=False)
        (target / f"{profile.parent.name}.json").write_text(compact(text) + "\n", encoding="utf-8")
        print(profile.parent.name)


if __name__ == "__main__":
    main()
