"""Text to token ids: trains the vocabularies of a plan and packs its sets, held-out texts left out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import sentencepiece

from bertgen.training.data.batches import curl_apostrophes
from bertgen.training.data.corpora.cleaning import SENTENCE_END, loose_key
from bertgen.training.data.corpora.files import read_lines
from bertgen.training.data.corpora.readers import READERS
from bertgen.training.data.corpus import read_sets
from bertgen.training.data.vocabulary import train_sentencepiece
from bertgen.training.gpu.packed import (
    MANIFEST,
    REVERSED,
    file_name,
    read_manifest,
    rows_from_lists,
    write_rows,
)
from bertgen.training.gpu.plan import Plan, RecipePlan, SetPlan, TextPlan
from bertgen.training.recipe.tables import read_recipe

Pairs = list[tuple[str, str]]
RECIPES = Path(__file__).parents[1] / "recipes"
# Names of made sets by task; some manifests spell a task the other way.
MADE_NAMES = {
    "translate": "{}",
    "translate-de-en": REVERSED + "{}",
    "split": "split/{}",
    "fuse": "fuse/{}",
    "summarize": "summarize/{}",
    "summarise": "summarize/{}",
}
PROBE = 400  # validation rows packed of every set


class Sides:
    """Text rows of one packed set."""

    def __init__(
        self, name: str, vocabulary: str, train: Pairs, valid: Pairs, longest: tuple[int, int]
    ) -> None:
        self.name, self.vocabulary, self.train, self.valid = name, vocabulary, train, valid
        self.longest = longest
        self.vocabulary_share = 1.0
        self.same_digits = False  # leave rows out whose sides differ in digits: digits stay digits


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """The file below the first of the data folders that has it."""
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def closed_keys(plan: Plan, folders: Sequence[Path]) -> set[str]:
    """Loose keys of every text that a validation or test file below the data folders holds."""
    keys: set[str] = set()
    for folder in folders:
        for pattern in plan.closed:
            for path in sorted(folder.glob(pattern)):
                for line in read_lines(path):
                    columns = line.split("\t")
                    if ".json" in path.name:
                        row = json.loads(line)
                        references = row["references"] if "references" in row else [row["target"]]
                        columns = [row["source"], *references]
                    keys.update(loose_key(text) for text in columns)
    keys.discard("")
    return keys


def digits(text: str) -> list[str]:
    """The digits of a text, sorted."""
    return sorted(letter for letter in text if letter.isdecimal())


def is_open(row: tuple[str, str], closed: set[str]) -> bool:
    """Whether neither side stands in a held-out file; single words and the like cannot be told apart."""
    return not any(loose_key(text) in closed for text in row)


def _read_set(entry: SetPlan, folders: Sequence[Path]) -> Sides | None:
    path = find(entry.train, folders)
    if path is None:
        if entry.optional:
            return None
        raise ValueError(f"{entry.name}: {entry.train} is in none of {[str(folder) for folder in folders]}")
    train = READERS[entry.format](path)
    if entry.kinds:
        labels = [line.split("\t") for line in read_lines(find(entry.kinds, folders))]
        keep = [
            (not entry.kind or label[0] in entry.kind) and (not entry.form or label[1] in entry.form)
            for label in labels
        ]
        train = [row for row, kept in zip(train, keep, strict=True) if kept]
    if 0 < entry.rows < len(train):
        train = random.Random(f"rows-{entry.name}").sample(train, entry.rows)
    train = curl_apostrophes(train, entry.curly_share, 1)
    held_out = find(entry.valid, folders) if entry.valid else None
    valid = READERS[entry.format](held_out) if held_out else []
    sides = Sides(entry.name, entry.vocabulary, train, valid, (entry.longest_source, entry.longest_target))
    sides.vocabulary_share, sides.same_digits = entry.vocabulary_share, entry.same_digits
    return sides


def _read_recipe(entry: RecipePlan, folders: Sequence[Path]) -> list[Sides]:
    recipe = read_recipe(RECIPES / entry.recipe)
    found = []
    sets = [part for part in recipe.data if part.name not in entry.without]
    for name, sides in read_sets(sets, folders[0], recipe.seed).items():
        rows = sides.train
        if 0 < entry.rows.get(name, 0) < len(rows):
            rows = random.Random(f"rows-{name}").sample(rows, entry.rows[name])
        train = curl_apostrophes(rows, recipe.curly_share, recipe.seed)
        longest = (recipe.longest_source, recipe.longest_target)
        found.append(Sides(f"{entry.name}/{name}", entry.vocabulary, train, sides.valid, longest))
    return found


def _read_listed(plan: Plan, folder: Path) -> list[Sides]:
    """The sets of a folder of made rows: its manifest lists name and task of each.

    Those for translation are packed under their name, others as `TASK/NAME`; rows that only German to English
    learns from as `reversed-NAME`.
    """
    listed = folder / MANIFEST
    found = []
    for entry in json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []:
        name, task = entry["name"], entry["task"]
        left_out = any(fnmatch(name, pattern) for pattern in plan.made_without)
        if left_out or task not in plan.made or f"{name}/train.tsv.gz" in [own.train for own in plan.set]:
            continue
        rows = READERS["tsv"](folder / name / "train.tsv.gz")
        limit = plan.made_rows.get(name, 0)
        if 0 < limit < len(rows):
            rows = random.Random(f"rows-{name}").sample(rows, limit)
        valid = folder / name / "valid.tsv.gz"
        held_out = READERS["tsv"](valid) if valid.is_file() else []
        if task == "translate-de-en":  # all rows of translation lie English first
            rows, held_out = ([(target, source) for source, target in side] for side in (rows, held_out))
        full = MADE_NAMES[task].format(name)
        found.append(Sides(full, plan.made[task], rows, held_out, (128, 144)))
    return found


def _read_text(entry: TextPlan, folders: Sequence[Path]) -> Sides | None:
    """Rows of neighbouring sentences, as many as hold the asked words; drawn over the whole text."""
    chance = random.Random(f"text-{entry.name}")
    path = find(entry.file, folders)
    if path is None and entry.optional:
        return None
    lines = list(dict.fromkeys(line.split("\t")[0] for line in read_lines(path)))
    chance.shuffle(lines)
    rows, words = [], 0
    for line in lines:
        if words >= entry.words:
            break
        words += len(line.split())
        sentences = SENTENCE_END.split(line)
        while sentences:
            size = chance.randint(1, entry.sentences)
            rows.append(" ".join(sentences[:size]))
            sentences = sentences[size:]
    pairs = [(row, "") for row in rows]
    return Sides(entry.name, entry.vocabulary, pairs[PROBE:], pairs[:PROBE], (112, 112))


def vocabulary_lines(sets: Iterable[Sides], count: int) -> list[str]:
    """Lines drawn from the training rows, both sides."""
    chance = random.Random("vocabulary")
    lines = [
        text
        for sides in sets
        for row in sides.train
        if sides.vocabulary_share >= 1 or chance.random() < sides.vocabulary_share
        for text in row
        if text
    ]
    return lines if len(lines) <= count else chance.sample(lines, count)


def encode(rows: Pairs, processor: sentencepiece.SentencePieceProcessor, longest: tuple[int, int]) -> list:
    """Ids of both sides; rows that are empty or too long are left out. A missing target stays empty."""
    sources = processor.encode([row[0] for row in rows], num_threads=1)
    targets = processor.encode([row[1] for row in rows], num_threads=1)
    return [
        (source, target)
        for source, target, row in zip(sources, targets, rows, strict=True)
        if 0 < len(source) <= longest[0] and len(target) < longest[1] and bool(target) == bool(row[1])
    ]


def _read_all(plan: Plan, folders: Sequence[Path], only: Sequence[str]) -> list[Sides]:
    """All sets of the plan, or those that one of the patterns names, without held-out texts and doubles."""

    def wanted(name: str) -> bool:
        return not only or any(fnmatch(name, pattern) for pattern in only)

    sets = [_read_set(entry, folders) for entry in plan.set if wanted(entry.name)]
    recipes = [
        entry for entry in plan.recipe if not only or any(p.startswith(f"{entry.name}/") for p in only)
    ]
    sets += [sides for entry in recipes for sides in _read_recipe(entry, folders)]
    sets += [_read_text(entry, folders) for entry in plan.text if wanted(entry.name)]
    sets += [sides for folder in folders for sides in _read_listed(plan, folder)]
    found = [sides for sides in sets if sides is not None and wanted(sides.name)]
    closed = closed_keys(plan, folders)
    print(f"{len(closed):,} held-out texts", flush=True)
    for sides in found:
        before = len(sides.train)
        sides.train = [row for row in dict.fromkeys(sides.train) if is_open(row, closed)]
        if sides.same_digits:
            sides.train = [row for row in sides.train if digits(row[0]) == digits(row[1])]
        print(f"{sides.name}: {before:,} rows, {len(sides.train):,} without doubles and held-out", flush=True)
    return found


def pack(
    plan: Plan, folders: Sequence[Path], out: Path, reuse: Path | None = None, only: Sequence[str] = ()
) -> None:
    """Write vocabularies (`NAME.model`), packed sets and the manifest to `out`.

    Vocabularies found in `reuse` are taken from there. With `only`, sets that fit one of the patterns are
    packed beside what lies in `out` already.
    """
    out.mkdir(parents=True, exist_ok=True)
    sets = _read_all(plan, folders, only)
    manifest: dict = {"sets": {}, "vocabularies": {}, "digits": {}}
    if only:
        manifest, reuse = read_manifest(out), out
    for entry in plan.vocabulary:
        own = [sides for sides in sets if sides.vocabulary == entry.name]
        known = reuse / f"{entry.name}.model" if reuse else None
        if known and known.is_file():
            model = known.read_bytes()
        else:
            model = train_sentencepiece(vocabulary_lines(own, entry.lines), entry.size)
        (out / f"{entry.name}.model").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        manifest["vocabularies"][entry.name] = processor.vocab_size()
        pieces = [processor.id_to_piece(number) for number in range(processor.vocab_size())]
        manifest["digits"][entry.name] = [number for number, piece in enumerate(pieces) if piece.isdecimal()]
        for sides in own:
            counts = {}
            for side, rows in (("train", sides.train), ("valid", sides.valid[:PROBE])):
                packed = rows_from_lists(encode(rows, processor, sides.longest))
                size = write_rows(out / file_name(sides.name, side), packed)
                counts[side] = len(packed)
                counts[f"{side}_ids"] = len(packed.tokens)
                counts[f"{side}_bytes"] = size
            manifest["sets"][sides.name] = {"vocabulary": entry.name, **counts}
            print(sides.name, counts, flush=True)
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
