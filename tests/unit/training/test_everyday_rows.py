"""Everyday training rows: both languages right, the same rows for the same seed, nothing held out."""

import gzip
import itertools
import json
import random
import re
from pathlib import Path

import pytest

from bertgen.training.data.corpora.cleaning import loose_key
from bertgen.training.data.corpora.everyday import (
    build,
    forms,
    grammar,
    lexicon,
    number_words,
    sentences,
    slots,
    texts,
)
from bertgen.training.data.corpora.everyday.fillings import clock, fill, money
from bertgen.training.data.corpora.everyday.german import (
    GENDERS,
    Noun,
    adjective,
    dative_plural,
    definite,
    ein_word,
    ordinal,
)
from bertgen.training.data.corpora.everyday.people import Subject, about
from bertgen.training.data.corpora.everyday.verbs import VERBS, english_present, present
from bertgen.training.data.corpora.everyday.words import Usage, common_words

CHANCE = random.Random


def _verb(infinitive: str):
    return next(verb for verb in VERBS if verb.infinitive == infinitive)


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        (slots.other_people, ("Tom likes Mary's dog.", "Tom mag Marias Hund.")),
        (slots.other_cities, ("I live in Boston.", "Ich wohne in Boston.")),
        (slots.other_numbers, ("I have three dogs.", "Ich habe drei Hunde.")),
        (slots.other_days, ("See you on Monday.", "Bis Montag.")),
        (slots.other_times, ("It begins at 2:30.", "Es beginnt um 2.30 Uhr.")),
        (slots.other_languages, ("I speak French.", "Ich spreche Französisch.")),
    ],
)
def test_a_slot_changes_on_both_sides(rule, row: tuple[str, str]) -> None:
    source, target = rule(row, CHANCE(3))
    assert source != row[0]
    assert target != row[1]
    assert slots.numbers_agree(source, target)


def test_cities_get_their_german_names() -> None:
    rows = [slots.other_cities(("I live in Boston.", "Ich wohne in Boston."), CHANCE(n)) for n in range(200)]
    german = dict(lexicon.pairs("cities"))
    for source, target in filter(None, rows):
        assert german[source.removeprefix("I live in ").removesuffix(".")] in target
    assert ("I live in Munich.", "Ich wohne in München.") in rows


def test_a_slot_that_one_side_lacks_is_left() -> None:
    assert slots.other_people(("Tom is here.", "Er ist hier."), CHANCE(1)) is None
    assert slots.other_numbers(("It costs $7,000.", "Es kostet viel."), CHANCE(1)) is None
    assert slots.other_numbers(("two or three dogs", "zwei oder drei Hunde"), CHANCE(1)) is None


def test_german_genitives() -> None:
    assert slots.genitive("Tom") == "Toms"
    assert slots.genitive("Max") == "Max'"


def test_numbers_agree_whatever_parts_them() -> None:
    assert slots.numbers_agree("It costs $1,200.50.", "Es kostet 1.200,50 Dollar.")
    assert not slots.numbers_agree("He has 2,000 books.", "Er hat zweitausend Bücher.")


def test_articles_and_endings() -> None:
    assert [definite(gender, "acc") for gender in GENDERS] == ["den", "die", "das", "die"]
    assert [ein_word("mein", gender, "acc") for gender in GENDERS] == ["meinen", "meine", "mein", "meine"]
    assert adjective("teuer", "m", "nom", "ein") == "teurer"
    assert adjective("alt", "n", "nom", "ein") == "altes"
    assert adjective("alt", "pl", "acc", "der") == "alten"
    assert adjective("alt", "pl", "acc", "") == "alte"
    assert [dative_plural(word) for word in ("Kinder", "Autos", "Frauen")] == ["Kindern", "Autos", "Frauen"]
    assert [ordinal(number) for number in (1, 2, 11, 23)] == ["1st", "2nd", "11th", "23rd"]


def test_the_present_of_german_verbs() -> None:
    assert [present(_verb("see"), person) for person in ("1s", "2s", "3s", "2p", "3p")] == [
        *("sehe", "siehst", "sieht", "seht", "sehen")
    ]
    assert present(_verb("find"), "2p") == "findet"
    assert present(_verb("sketch"), "2p") == "zeichnet"
    assert present(_verb("bring"), "3s") == "bringt"
    assert english_present("pick up", "3s") == "picks up"


def test_grammar_keeps_numbers_and_end_marks() -> None:
    chance = CHANCE(7)
    for source, target in (grammar.sentence(chance) for _ in range(2_000)):
        assert slots.numbers_agree(source, target), (source, target)
        assert (source[-1] in "?.") == (target[-1] in "?."), (source, target)
        assert "  " not in source + target


def test_patterns_fill_both_sides_alike() -> None:
    chance = CHANCE(7)
    for english, german in lexicon.rows("sentences"):
        source, target = fill(english, german, chance)
        assert "{" not in source + target
        assert sorted(re.findall(r"\d", source)) == sorted(re.findall(r"\d", target)), (source, target)


def test_prices_and_times() -> None:
    chance = CHANCE(2)
    for _ in range(200):
        price, time = money(chance), clock(chance)
        assert re.search(r" (?:Dollar|Euro|Pfund|Franken)$", price.german)
        assert " Uhr" in time.german
        assert slots.numbers_agree(price.english, price.german)


@pytest.mark.parametrize(
    ("value", "english", "german"),
    [
        (21, "twenty-one", "einundzwanzig"),
        (305, "three hundred and five", "dreihundertfünf"),
        (1_100, "one thousand one hundred", "eintausendeinhundert"),
        (7, "seven", "sieben"),
    ],
)
def test_numbers_in_words(value: int, english: str, german: str) -> None:
    assert number_words.in_english(value) == english
    assert number_words.in_german(value) == german


def test_half_past_is_half_of_the_next_hour() -> None:
    chance = CHANCE(1)
    hours = {number_words.hour_in_words(chance) for _ in range(2_000)}
    assert ("half past two", "halb drei") in hours
    assert ("half past twelve", "halb eins") in hours


def test_typed_forms() -> None:
    row = ("Is he here?", "Ist er hier?")
    assert forms.without_end(row) == ("Is he here", "Ist er hier")
    assert forms.without_end(("Wait...", "Warte ...")) is None
    assert forms.small_letters(row) == ("is he here?", "Ist er hier?")
    assert forms.capitals(("It is big.", "Es ist groß.")) == ("IT IS BIG.", "ES IST GROSS.")
    joined = list(forms.in_a_row([row, ("He ran.", "Er lief."), ("I saw it.", "Ich sah es.")], 9, CHANCE(1)))
    assert joined
    assert all(len(re.findall(r"[.?]", source)) in (2, 3) for source, _ in joined)


def test_short_forms_are_written_out_and_the_reverse() -> None:
    rows = [
        ("I don't know.", "Ich weiß nicht."),
        ("I do not know him.", "Ich kenne ihn nicht."),
        ("So am I.", ""),
    ]
    changed = forms.other_contractions(rows, 5, CHANCE(1))
    assert sorted(changed) == [
        ("I do not know.", "Ich weiß nicht."),
        ("I don't know him.", "Ich kenne ihn nicht."),
    ]


def test_clauses_name_somebody_once_and_then_by_pronoun() -> None:
    anna = Subject("Anna", "she", "her", "her", "3s")
    assert about("{P} {was} late", anna, False) == "Anna was late"
    assert about("{P} live~ near {O} aunt", anna, False) == "Anna lives near her aunt"
    assert about("nobody heard {M}", anna, True) == "nobody heard her"
    assert about("it was {O} birthday", anna, False) == "it was Anna's birthday"
    many = Subject("the children", "they", "their", "them", "p")
    assert about("{P} {was} in {O} room", many, False) == "the children were in their room"


def test_pronouns_of_split_rows_agree_with_the_name() -> None:
    """Where the source opens with a first name of the lists, no other gender's pronoun opens a part."""
    wrong = {"he": {"She", "It"}, "she": {"He", "It"}}
    both = set(lexicon.names("he")) & set(lexicon.names("she"))
    seen = 0
    for source, target in sentences.split_rows(4_000, CHANCE(5)):
        first = source.split()[0].strip(",")
        opening = {part.split()[0] for part in re.split(r"(?<=\.) ", target)[1:] if part}
        for kind in ("he", "she"):
            if first in lexicon.names(kind) and first not in both and " who " in source:
                seen += 1
                assert not opening & wrong[kind], (source, target)
    assert seen > 100


def test_split_and_fuse_rows_keep_the_numbers() -> None:
    rows = [*sentences.split_rows(1_000, CHANCE(1)), *sentences.fuse_rows(1_000, CHANCE(2))]
    for source, target in rows:
        assert slots.numbers_agree(source, target), (source, target)
        assert "{" not in source + target
        assert "~" not in source + target


def test_fused_rows_are_one_sentence() -> None:
    for _, target in sentences.fuse_rows(500, CHANCE(3)):
        without = re.sub(r"\b(?:Mr|Mrs|Ms|Dr|St|[ap]\.m)\.", "", target)
        assert without.count(". ") == 0, target


def test_summaries_are_shorter_than_their_texts() -> None:
    for source, target in texts.summary_rows(500, CHANCE(4)):
        assert "{" not in source + target
        assert len(target.split()) < len(source.split())
        assert target[0].isupper()


def test_a_word_gets_the_translation_that_sentences_use() -> None:
    usage = Usage([("The butterfly is red.", "Der Schmetterling ist rot.")] * 3)
    rows = [("butterfly", "Delfin"), ("butterfly", "Schmetterling"), ("cyclotron", "Zyklotron")]
    assert common_words(rows, usage, least=2) == [("butterfly", "Schmetterling")]


def test_nouns_are_whole() -> None:
    for noun in grammar.NOUNS:
        assert isinstance(noun, Noun)
        assert noun.gender in ("m", "f", "n")
        assert noun.german[0].isupper()
        assert noun.plural[0].isupper()
        assert noun.kinds


def test_the_same_seed_gives_the_same_rows() -> None:
    first, second = (list(sentences.split_rows(50, CHANCE("x"))) for _ in range(2))
    assert first == second


def test_a_set_is_written_without_what_is_held_out(tmp_path: Path, monkeypatch) -> None:
    made = build.Made("translate", "none", "test", lambda data, chance: [("A b.", "C d."), ("E.", "F.")] * 2)
    monkeypatch.setitem(build.SETS, "small", made)
    entry = build.write_set("small", tmp_path, tmp_path, closed={loose_key("e")})
    assert entry["rows"] == 1
    assert gzip.decompress((tmp_path / "small" / "train.tsv.gz").read_bytes()) == b"A b.\tC d.\n"
    build.write_manifest([entry], tmp_path)
    build.write_manifest([{**entry, "name": "other"}], tmp_path)
    names = [each["name"] for each in json.loads((tmp_path / "manifest.json").read_text())]
    assert names == ["small", "other"]


def test_held_out_texts_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "pairs"
    folder.mkdir()
    (folder / "valid.tsv.gz").write_bytes(gzip.compress(b"Hello there\tHallo du\n"))
    (folder / "train.tsv.gz").write_bytes(gzip.compress(b"Train row\tTrainingszeile\n"))
    everyday = tmp_path / "everyday"
    everyday.mkdir()
    row = {"kind": "k", "source": "mirror", "references": ["Spiegel", "ein alter großer Spiegel"]}
    (everyday / "translate.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    closed = build.held_out(tmp_path, everyday)
    assert closed == {"hellothere", "hallodu", "mirror", "einaltergroßerspiegel".casefold()}


OWN_SETS = [name for name, made in build.SETS.items() if made.licence == build.OWN]


@pytest.mark.parametrize("name", OWN_SETS)
def test_sets_of_our_own_need_no_data(name: str, tmp_path: Path) -> None:
    rows = list(itertools.islice(build.SETS[name].make(tmp_path, CHANCE(name)), 200))
    assert len(rows) == 200
    assert all(source.strip() and target.strip() for source, target in rows)
