"""Write the everyday rows: NAME/train.tsv.gz for every set, and a manifest."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bertgen.training.data.corpora.clauses import read_clauses
from bertgen.training.data.corpora.cleaning import loose_key
from bertgen.training.data.corpora.connectives import read_connectives
from bertgen.training.data.corpora.everyday import (
    forms,
    grammar,
    lexicon,
    number_words,
    sentences,
    slots,
    texts,
    words,
)
from bertgen.training.data.corpora.everyday.fillings import fill
from bertgen.training.data.corpora.everyday.phrases import NOUNS
from bertgen.training.data.corpora.files import read_lines, read_pairs

Row = tuple[str, str]
TATOEBA = "CC BY 2.0 FR (Tatoeba)"
OWN = "Apache-2.0 (made for this project)"


class Made(NamedTuple):
    """One set: its task, licence, how it is made, and the maker, from the data folder and a chance."""

    task: str
    licence: str
    how: str
    make: Callable[[Path, random.Random], Iterable[Row]]


def tatoeba(data: Path) -> list[Row]:
    """Tatoeba's training rows whose digits agree on both sides, Tom for Thomas and John for Johannes."""
    agreeing = []
    for source, target in read_pairs(data / "tatoeba-en-de" / "train.tsv.gz"):
        # A name stays as it is: what is copied can be trusted.
        for english, german in (("John", "Johannes"), ("Tom", "Thomas"), ("Alice", "Elke")):
            if english in source:
                target = target.replace(german, english)
        if slots.numbers_agree(source, target):
            agreeing.append((source, target))
    return agreeing


def _slot_set(kind: str) -> Made:
    def make(data: Path, chance: random.Random) -> Iterator[Row]:
        rows = read_pairs(data / "tatoeba-en-de" / "train.tsv.gz")
        yield from slots.replaced(rows, kind, chance)

    return Made("translate", TATOEBA, f"tatoeba-en-de train with other {kind} on both sides", make)


def _typed(data: Path, chance: random.Random) -> Iterator[Row]:
    yield from forms.typed(tatoeba(data), 60_000, chance)


def _in_a_row(data: Path, chance: random.Random) -> Iterator[Row]:
    yield from forms.in_a_row(tatoeba(data), 50_000, chance)


def _quoted(data: Path, chance: random.Random) -> Iterator[Row]:
    names = lexicon.names("he") + lexicon.names("she")
    yield from forms.quoted(tatoeba(data), names, 40_000, chance)


def _patterns(data: Path, chance: random.Random) -> Iterator[Row]:
    for english, german in lexicon.rows("sentences"):
        if "{" not in english:
            yield english, german
            continue
        for _ in range(180):
            yield fill(english, german, chance)


def _number_words(data: Path, chance: random.Random) -> Iterator[Row]:
    for _ in range(14_000):
        yield number_words.sentence(NOUNS, chance)


def _contractions(data: Path, chance: random.Random) -> Iterator[Row]:
    yield from forms.other_contractions(tatoeba(data), 30_000, chance)


def _typed_german(data: Path, chance: random.Random) -> Iterator[Row]:
    yield from forms.typed([(german, english) for english, german in tatoeba(data)], 50_000, chance)


def _grammar(data: Path, chance: random.Random) -> Iterator[Row]:
    for _ in range(90_000):
        yield grammar.sentence(chance)


def _lists(data: Path, chance: random.Random) -> Iterator[Row]:
    for _ in range(6_000):
        yield grammar.shopping_list(chance)
        yield grammar.phrase(chance)


def _smalltalk(data: Path, chance: random.Random) -> Iterator[Row]:
    """As they stand, with end marks, in small letters, in capitals, to somebody, two in a row."""
    # 1) every line in all its forms
    listed = lexicon.pairs("smalltalk")
    for english, german in listed:
        yield english, german
        yield english.lower(), german
        yield english.upper(), german.upper()
        if english[-1] == "?":
            yield english[:-1], german[:-1]
            continue
        for end in ".!":
            yield f"{english}{end}", f"{german[:1].upper()}{german[1:]}{end}"
    # 2) two of them in a row, the first one said to somebody; the words at the list's end are no greetings
    for _ in range(4_000):
        first, second = chance.sample(listed[:165], 2)
        name = lexicon.person(chance.choice(("he", "she")), chance)
        yield tuple(
            _to_somebody(side, name) + _ended(after) for side, after in zip(first, second, strict=True)
        )


def _ended(text: str) -> str:
    if text[-1] in "?!.":
        return f" {text}"
    return f" {text}."


def _to_somebody(text: str, name: str) -> str:
    if text[-1] == "?":
        return text
    return f"{text}, {name}!"


def _dictionary(data: Path, chance: random.Random) -> Iterator[Row]:
    """Common words of the dictionary, and those of our own lists, which take precedence."""
    # 1) our own lists, in five forms each
    own = [(noun.one, noun.german) for noun in NOUNS]
    own += [(noun.many, noun.plural) for noun in NOUNS]
    own += [(row[0], row[1]) for row in lexicon.rows("adjectives")]
    own += [tuple(pair) for name in ("cities", "countries") for pair in lexicon.pairs(name)]
    own += [tuple(pair) for kind in ("day", "month") for pair in lexicon.calendar(kind)]
    own += [(row[1], row[2]) for row in lexicon.rows("numbers")]
    own += [tuple(pair) for pair in lexicon.languages()]
    for row in own:
        yield from words.in_all_forms(row)
        yield row[0].lower(), row[1]
        yield row[0].upper(), row[1].upper()
    # 2) what the dictionary has beyond them
    known = {english.lower() for english, _ in own}
    usage = words.Usage(tatoeba(data))
    for row in words.common_words(read_pairs(data / "ding-en-de" / "words.train.tsv.gz"), usage, least=3):
        if row[0].lower() not in known:
            yield from words.in_all_forms(row)


def _rare_words(data: Path, chance: random.Random) -> Iterator[Row]:
    rows = read_pairs(data / "ding-en-de" / "words.train.tsv.gz")
    yield from chance.sample(rows, 40_000)


def _phrases(data: Path, chance: random.Random) -> list[Row]:
    return read_pairs(data / "ding-en-de" / "phrases.train.tsv.gz")


def _programs(kinds: dict[str, float]) -> Callable[[Path, random.Random], Iterator[Row]]:
    """Rows of debian-l10n-en-de of these kinds, each with its share; without those of form `whole`."""

    def make(data: Path, chance: random.Random) -> Iterator[Row]:
        folder = data / "debian-l10n-en-de"
        labels = (line.split("\t") for line in read_lines(folder / "train.kinds.tsv.gz"))
        for row, (kind, form, _) in zip(read_pairs(folder / "train.tsv.gz"), labels, strict=True):
            # The sentences of a `whole` row are mostly there as `part` too.
            if form != "whole" and chance.random() < kinds.get(kind, 0) and slots.numbers_agree(*row):
                yield row

    return make


def _splits(data: Path, chance: random.Random) -> Iterator[Row]:
    yield from sentences.split_rows(80_000, chance)


def _fusions(data: Path, chance: random.Random) -> Iterator[Row]:
    yield from sentences.fuse_rows(100_000, chance)


def _summaries(data: Path, chance: random.Random) -> Iterator[Row]:
    yield from texts.summary_rows(24_000, chance)


def _plain_wholes(data: Path, chance: random.Random) -> Iterator[Row]:
    """Everyday sentences without a connective, which stay as they are."""
    lines = list(dict.fromkeys(source for source, _ in read_pairs(data / "tatoeba-en-de" / "train.tsv.gz")))
    plain = [line for line in lines if 3 <= len(line.split()) <= 9 and not JOINED.search(line)]
    for line in chance.sample(plain, 8_000):
        yield line, line


# Words and signs that may join two clauses.
JOINED = re.compile(
    r",|;|\band\b|\bbut\b|\bso\b|\bbecause\b|\bwhile\b|\bafter\b|\bwho\b|\bwhich\b|[.!?] ", re.IGNORECASE
)
DFSG = "mixed, DFSG-free (each package's terms)"
GPL = "GPL-2+ (Ding dictionary)"
# In the order in which they are made: from Tatoeba, our own, from the dictionary, from programs, for English.
SETS: dict[str, Made] = {
    "tatoeba-clean": Made(
        "translate",
        TATOEBA,
        "tatoeba-en-de train, rows whose digits differ left out: in place of tatoeba-en-de",
        lambda data, _: tatoeba(data),
    ),
    **{f"slots-{kind}": _slot_set(kind) for kind in slots.KINDS},
    "typed": Made("translate", TATOEBA, "no end mark, small letters, capitals", _typed),
    "in-a-row": Made("translate", TATOEBA, "two or three sentences in a row", _in_a_row),
    "quoted": Made("translate", TATOEBA, "sentences as direct speech", _quoted),
    "patterns": Made(
        "translate", OWN, "sentence patterns filled: numbers, prices, times, dates, names", _patterns
    ),
    "grammar": Made(
        "translate", OWN, "sentences put together by grammar, many with numbers and names", _grammar
    ),
    "number-words": Made("translate", OWN, "counts and times in words", _number_words),
    "contractions": Made(
        "translate", TATOEBA, "tatoeba rows with don't for do not and the reverse", _contractions
    ),
    "typed-german": Made(
        "translate-de-en", TATOEBA, "German as it is typed -> English (no need to swap)", _typed_german
    ),
    "lists": Made("translate", OWN, "shopping lists and noun phrases", _lists),
    "smalltalk": Made("translate", OWN, "greetings and small talk in all forms", _smalltalk),
    "dictionary": Made(
        "translate", GPL, "common words, one sense, with and without capital and end", _dictionary
    ),
    "rare-words": Made("translate", GPL, "ding-en-de words thinned to 40,000", _rare_words),
    "phrases": Made("translate", GPL, "ding-en-de phrases in full", _phrases),
    "l10n-game": Made(
        "translate",
        DFSG,
        "debian-l10n game, edu, names; whole left out",
        _programs({"game": 1, "edu": 1, "names": 1}),
    ),
    "l10n-help": Made(
        "translate",
        DFSG,
        "debian-l10n help, debconf, man, meta; whole left out",
        _programs({"help": 1, "debconf": 1, "man": 1, "meta": 1}),
    ),
    "summarise-everyday": Made(
        "summarise", OWN, "news, mails, notices, stories, instructions, reviews", _summaries
    ),
    "split-everyday": Made(
        "split", OWN, "everyday clauses by rules, right pronouns; one in five stays whole", _splits
    ),
    "split-wholes": Made("split", TATOEBA, "short everyday sentences that stay as they are", _plain_wholes),
    "split-tatoeba": Made(
        "split",
        TATOEBA,
        "corpora.clauses over tatoeba-en-de train",
        lambda data, _: read_clauses(data / "tatoeba-en-de" / "train.tsv.gz"),
    ),
    "fuse-everyday": Made("fuse", OWN, "everyday clauses by rules, the connective by their sense", _fusions),
    "fuse-tatoeba": Made(
        "fuse",
        TATOEBA,
        "corpora.connectives over tatoeba-en-de train",
        lambda data, _: read_connectives(data / "tatoeba-en-de" / "train.tsv.gz"),
    ),
    "l10n-ui": Made("translate", DFSG, "a third of debian-l10n ui; whole left out", _programs({"ui": 0.33})),
}


def held_out(data: Path, everyday: Path | None) -> set[str]:
    """Loose keys of every text in a valid or test file of `data`, and of the everyday sets."""
    keys = set()
    for path in sorted(data.glob("*/*.gz")):
        parts = path.name.split(".")
        # Only the files of texts: `test.kinds.tsv.gz` and the like hold labels.
        names_side = any(part.startswith(("valid", "test")) for part in parts)
        if not names_side or {"kinds", "ids", "types", "meta"} & set(parts):
            continue
        for line in read_lines(path):
            if "jsonl" in parts:
                keys |= {loose_key(text) for text in _listed(line)}
            else:
                keys |= {loose_key(text) for text in line.split("\t")}
    if everyday is not None:
        for path in sorted(everyday.glob("*.jsonl")):
            for line in read_lines(path):
                keys |= {loose_key(text) for text in _own_texts(line)}
    return keys - {""}


def _own_texts(line: str) -> list[str]:
    """The source of an everyday row, and its references of three words or more.

    A single word may be the right translation of others too; what is asked for must not have been seen.
    """
    source, *references = _listed(line)
    return [source, *(text for text in references if len(text.split()) >= 3)]


def _listed(line: str) -> list[str]:
    """Source and references of a JSON line."""
    fields = json.loads(line)
    texts = [fields.get("source", "")]
    for name in ("references", "targets"):
        texts += fields.get(name, [])
    return texts


def write_set(name: str, data: Path, out: Path, closed: set[str]) -> dict[str, object]:
    """Make one set, drop doubles and rows that touch `closed`, write it; its entry of the manifest."""
    made = SETS[name]
    rows = dict.fromkeys(made.make(data, random.Random(f"everyday-{name}")))
    # A row that touches a held-out text by either side would make its figure worthless.
    open_rows = [row for row in rows if all(row) and not closed.intersection(map(loose_key, row))]
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{source}\t{target}\n" for source, target in open_rows)
    # No time stamp in the archive, so that the same rows are the same bytes.
    (folder / "train.tsv.gz").write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
    return {"name": name, "task": made.task, "rows": len(open_rows), "licence": made.licence, "how": made.how}


def write_manifest(entries: list[dict[str, object]], out: Path) -> None:
    """Entries of this build, and the earlier ones of sets that it did not make."""
    path = out / "manifest.json"
    known = []
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
    merged = {entry["name"]: entry for entry in [*known, *entries]}
    path.write_text(json.dumps(list(merged.values()), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
