"""Model cards in the Hub's form: what a checkpoint is, does, scores, was made of, and where it fails."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bertgen.configs.models import EncoderDecoderConfig
from bertgen.tokenizers import AutoTokenizer
from bertgen.training.data.corpus import read_references
from bertgen.training.recipe.tables import PretrainingRecipe, Recipe
from bertgen.training.reports.curves import CURVES
from bertgen.training.runs.export import profile, write_profile
from bertgen.training.runs.state import LOG

PIPELINES = {
    "translate": "translation",
    "translate-de-en": "translation",
    "split": "text-generation",
    "fuse": "text-generation",
    "summarize": "summarization",
}
# Outputs, drawn at random.
SHOWN = 10
KINDS = {"all": ", all references", "tokens": ", its own tokens", "moses": ", Moses tokens"}
# Of profile.json: what the card says too.
PROFILE_KEYS = ("task", "title", "licence", "metrics")
# Ids of the Hub's metrics.
METRICS = {"BLEU": "bleu", "chrF": "chrf", "SARI": "sari", "exact": "exact_match"}


def write_card(
    checkpoint: Path,
    recipe: Recipe,
    data: Path,
    results: dict[str, Any],
    command: str,
    notes: str,
    valid: dict[str, Any] | None = None,
    shown: str | None = None,
) -> None:
    """Write README.md into `checkpoint`, and the figures into its profile.json, for the page.

    `results` is what `evaluate --json` wrote on the test sets, `valid` the same on the validation sets: ten
    of its outputs on the set `shown`, the first unless named, are drawn; results of another split are a
    ValueError. `notes` (Markdown) tells limits and failures, found by reading.
    """
    # 1) Figures are of the test sets, outputs of the validation sets.
    _check_split(results, "test")
    outputs = ""
    if valid:
        _check_split(valid, "valid")
        outputs = _outputs(recipe, data, valid, shown or recipe.data[0].name)
    # 2) The card.
    parts = [
        _metadata(checkpoint.name, recipe, results["metrics"]),
        f"# {checkpoint.name}: {recipe.title}\n",
        _shape(checkpoint, recipe),
        _use(checkpoint, recipe),
        _figures(results["metrics"], _defaults(recipe)),
        _training(checkpoint, recipe.data, command, recipe.seed),
        outputs,
        f"## Limits and failures\n\n{notes.strip()}\n",
        _licence(recipe),
    ]
    (checkpoint / "README.md").write_text("\n".join(part for part in parts if part), encoding="utf-8")
    # 3) The profile says the same; what the export wrote besides stays.
    written = profile(recipe, profile_metrics(results["metrics"]))
    known = json.loads((checkpoint / "profile.json").read_text("utf-8"))
    write_profile(checkpoint, {**known, **{key: written[key] for key in PROFILE_KEYS}})


def _check_split(results: dict[str, Any], wanted: str) -> None:
    for row in results["metrics"]:
        if row["split"] != wanted:
            raise ValueError(f"these are figures of {row['set']} {row['split']}; give those of {wanted}")


def read_results(paths: Sequence[Path]) -> dict[str, Any]:
    """What one or more calls of `evaluate --json` wrote, together: rows set by set, baselines once."""
    # 1) Every call scores the baselines anew; equal rows are one.
    parts = [json.loads(path.read_text("utf-8")) for path in paths]
    rows: list[dict[str, Any]] = []
    for row in (row for part in parts for row in part["metrics"]):
        if row not in rows:
            rows.append(row)
    # 2) Sets in the order of their first row, baselines before the model.
    sets = list(dict.fromkeys(row["set"] for row in rows))
    rows.sort(key=lambda row: (sets.index(row["set"]), "decoding" in row))
    return {
        "metrics": rows,
        "outputs": {key: texts for part in parts for key, texts in part["outputs"].items()},
    }


def profile_metrics(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Rows of `evaluate` as the page shows them: set and references -> decoding or baseline -> figures."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        subject = f"{row['set']} {row['split']}{KINDS.get(row['references'], '')}"
        figures = {key: value["score"] for key, value in row.items() if is_figure(value)}
        if "baseline" in row:
            writer = f"{row['baseline']} (baseline)"
        else:
            writer = _decoding(row)
        found.setdefault(subject, {})[writer] = figures
    return found


def write_base_card(checkpoint: Path, recipe: PretrainingRecipe, command: str, notes: str) -> None:
    """Write README.md of a pre-trained base; its figures are the log's last ones."""
    # 1) A base has no test set: what its last weights reached on held-out paragraphs.
    last = _last_step(checkpoint)
    figures = "\n".join(
        f"- {name.removeprefix('last_')}: {last[name]}" for name in sorted(last) if name.startswith("last_")
    )
    # 2) The card.
    front = {
        "license": "other",
        "license_name": "see-below",
        "license_link": "#licence-and-attribution",
        **_languages(recipe),
        "library_name": "transformers",
        "pipeline_tag": "fill-mask",
        "tags": ["bert-generation", "masked-lm"],
    }
    parts = [
        _front_matter(front),
        f"# {checkpoint.name}: {recipe.title}\n",
        "A `BertGenerationDecoder` that looks both ways: an encoder with an LM head, pre-trained by masked-"
        "language modelling. It does no task by itself; both sides of an encoder-decoder start from it:\n",
        "```python\nfrom bertgen import warm_start\n\n"
        f'model = warm_start("BERTSHARE", bert="{checkpoint.as_posix()}")  # then fine-tune\n```\n',
        f"## Figures\n\nOn held-out paragraphs, {recipe.masked_share:.0%} of the pieces chosen (loss in "
        f"nats; a tenth of them is left as it is, as in BERT):\n\n{figures}\n",
        _training(checkpoint, recipe.text, command, recipe.seed),
        f"## Limits and failures\n\n{notes.strip()}\n",
        _licence(recipe),
    ]
    (checkpoint / "README.md").write_text("\n".join(parts), encoding="utf-8")


def _languages(recipe: Recipe | PretrainingRecipe) -> dict[str, list[str]]:
    """The card's languages, where the recipe names them."""
    if not recipe.languages:
        return {}
    return {"language": list(recipe.languages)}


def _front_matter(values: dict[str, Any]) -> str:
    """YAML between two lines of dashes; JSON is YAML, so lists and objects are written as JSON."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["---", *lines, "---\n"])


def _metadata(name: str, recipe: Recipe, rows: Sequence[dict[str, Any]]) -> str:
    """The card's YAML, with the figures in the Hub's form (`model-index`), which knows no baselines."""
    found = []
    for row in rows:
        if "decoding" not in row:
            continue
        metrics = [
            {
                "type": METRICS.get(key, key.lower()),
                "value": row[key]["score"],
                "name": f"{key}, {_decoding(row)}",
            }
            for key in row
            if is_figure(row[key])
        ]
        dataset = {"name": f"{row['set']} {row['split']}, {row['references']}", "type": row["set"]}
        task = {"type": PIPELINES.get(recipe.task, "text-generation"), "name": recipe.title}
        found.append({"task": task, "dataset": dataset, "metrics": metrics})
    return _front_matter(
        {
            "license": "other",
            "license_name": "see-below",
            "license_link": "#licence-and-attribution",
            **_languages(recipe),
            "library_name": "transformers",
            "pipeline_tag": PIPELINES.get(recipe.task, "text-generation"),
            "tags": ["bert-generation", "encoder-decoder"],
            "model-index": [{"name": name, "results": found}],
        }
    )


def is_figure(value: Any) -> bool:
    """Whether a value of a row of `evaluate` is a score with its signature."""
    return isinstance(value, dict) and "score" in value


def _decoding(row: dict[str, Any]) -> str:
    if "baseline" in row:
        return f"baseline: {row['baseline']}"
    search = "greedy"
    beams = row["decoding"].get("num_beams", 1)
    if beams != 1:
        search = f"beam {beams}"
    others = [f"{key} {value}" for key, value in row["decoding"].items() if key != "num_beams"]
    return ", ".join([search, *others])


def _shape(checkpoint: Path, recipe: Recipe) -> str:
    # The config's classes, not its JSON: GPT-2's has other names for its sizes.
    config = EncoderDecoderConfig.from_pretrained(checkpoint)
    encoder, decoder = config.encoder, config.decoder
    size = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors")) / 1e6
    start = "random weights"
    if recipe.warm_start is not None:
        start = recipe.warm_start.setup or "a checkpoint"
    shared = ""
    if config.tie_encoder_decoder:
        shared = ", encoder and decoder shared"
    kind = encoder.model_type.upper()
    if encoder.model_type == "bert-generation":
        kind = "BertGeneration"
    return (
        f"A {kind} encoder-decoder: width {encoder.hidden_size}, "
        f"{encoder.num_attention_heads} heads, {encoder.num_hidden_layers} encoder and "
        f"{decoder.num_hidden_layers} decoder layers{shared}, "
        f"{encoder.vocab_size:,} pieces, {size:.1f} MB as float16. Start: {start} (Rothe et al. 2020).\n"
    )


def _use(checkpoint: Path, recipe: Recipe) -> str:
    sentence = next(iter(recipe.examples), "A sentence.")
    # As JSON the text is a Python string too, whatever quotes it holds.
    example = json.dumps(sentence, ensure_ascii=False)
    writer = "tokenizer"
    if AutoTokenizer.from_pretrained(checkpoint).decoder_tokenizer:
        writer = "tokenizer.decoder_tokenizer"
    return f"""## Use

```python
from bertgen import AutoTokenizer, EncoderDecoderModel

folder = "{checkpoint.as_posix()}"
tokenizer, model = AutoTokenizer.from_pretrained(folder), EncoderDecoderModel.from_pretrained(folder)
text = {example}
inputs = tokenizer(text, return_tensors="pt")
print({writer}.decode(model.generate(**inputs, num_beams=4)[0], skip_special_tokens=True))
```
"""


def _defaults(recipe: Recipe) -> str:
    """What every decoding does besides: the recipe's settings that are not the library's own."""
    plain = {field.name: field.default for field in fields(Recipe)}
    names = ("length_penalty", "no_repeat_ngram_size")
    found = [f"{name} {getattr(recipe, name)}" for name in names if getattr(recipe, name) != plain[name]]
    if not found:
        return ""
    return f"Every decoding, here and by default, is with {' and '.join(found)}.\n"


def _figures(rows: Sequence[dict[str, Any]], defaults: str) -> str:
    # 1) One table for all rows with the same figures, and every signature once.
    signatures: dict[str, None] = {}
    tables: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        figures = {key: value for key, value in row.items() if is_figure(value)}
        signatures |= {
            f"- {row['references']} {key}: {value['signature']}": None for key, value in figures.items()
        }
        cells = [f"{row['set']} {row['split']}", f"{row['rows']:,}", row["references"], _decoding(row)]
        cells += [f"{value['score']:.2f}" for value in figures.values()]
        tables.setdefault(tuple(figures), []).append(f"| {' | '.join(cells)} |")
    # 2) The section.
    text = ["## Figures\n", "The test sets were read once, with the finished model.\n"]
    if defaults:
        text.append(defaults)
    for names, lines in tables.items():
        head = ["set", "rows", "references", "decoding", *names]
        text += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines, ""]
    return "\n".join([*text, "Signatures:\n", *signatures, ""])


def _training(checkpoint: Path, entries: Sequence[Any], command: str, seed: int) -> str:
    rows = [_row(entry.name, entry.origin, entry.licence) for entry in entries]
    table = "\n".join(["| data | origin | licence |", "|---|---|---|", *rows])
    last = _last_step(checkpoint)
    steps, tokens = last.get("step", 0), last.get("tokens", 0)
    minutes = last.get("seconds", 0) / 60
    picture = ""
    if (checkpoint / CURVES).exists():
        picture = f", `{CURVES}` its picture"
    return (
        f"## Training\n\n{table}\n\n```\n{command.strip()}\n```\n\nEvery setting and the seed ({seed}) are "
        f"in the recipe. {steps:,} steps, {tokens / 1e6:.1f}M tokens, {minutes:.0f} minutes; `{LOG}` is the "
        f"log{picture}.\n"
    )


def _last_step(checkpoint: Path) -> dict[str, Any]:
    """The last value of everything that the log holds."""
    values: dict[str, Any] = {}
    for line in (checkpoint / LOG).read_text("utf-8").splitlines():
        values |= json.loads(line)
    return values


def _outputs(recipe: Recipe, data: Path, valid: dict[str, Any], shown: str) -> str:
    """Ten rows of the set `shown`, drawn by the recipe's seed, not picked."""
    entry = next((entry for entry in recipe.data if entry.name == shown), None)
    keys = [key for key in valid["outputs"] if key.startswith(f"{shown}, ")]
    if entry is None or not keys:
        raise ValueError(f"no validation outputs on a set {shown!r}; there are {sorted(valid['outputs'])}")
    name, texts = keys[-1], valid["outputs"][keys[-1]]
    sources, references = read_references(entry, data, "valid")
    drawn = random.Random(f"card-{recipe.seed}").sample(range(len(sources)), min(SHOWN, len(sources)))
    lines = [_row(sources[row], texts[row], " / ".join(references[row])) for row in drawn]
    head = f"## {len(drawn)} validation outputs, drawn at random ({name})\n"
    return "\n".join([head, "| source | output | references |", "|---|---|---|", *lines, ""])


def _row(*cells: str) -> str:
    """A row of a Markdown table; neither a pipe nor a line's end in a text may end its cell."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _licence(recipe: Recipe | PretrainingRecipe) -> str:
    return (
        "## Licence and attribution\n\nThe weights are derived from the data above; their licences: "
        f"{recipe.licence}. The code is Apache-2.0.\n"
    )
