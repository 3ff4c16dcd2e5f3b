"""Figures on sentences whose scores are known from elsewhere, and the baselines."""

import pytest
from nltk.translate.bleu_score import corpus_bleu

from bertgen.training.data.corpora.cleaning import tokenise
from bertgen.training.reports.evaluate import score_all
from bertgen.training.scores.baselines import BASELINES, first_sentence, join_with_and
from bertgen.training.scores.metrics import (
    exact_match,
    moses_bleu,
    rouge,
    sari,
    score,
    token_bleu,
    token_sari,
)
from bertgen.training.scores.sari import sentence_sari

SOURCE = "About 95 species are currently accepted ."
REFERENCES = [
    "About 95 species are currently known .",
    "About 95 species are now accepted .",
    "95 species are now accepted .",
]


def test_sari_of_the_authors_own_example() -> None:
    """tensor2tensor and Hugging Face's evaluate both give 26.9536 for it."""
    output = "About 95 you now get in ."
    tokens = [row.split() for row in REFERENCES]
    assert sentence_sari(SOURCE.split(), output.split(), tokens) == pytest.approx(26.953601953601954)
    assert token_sari([output], [REFERENCES], [SOURCE])["score"] == 26.95
    # The 13a tokens of the same text without spaces, in capitals, are the same.
    assert sari([output.replace(" .", ".").upper()], [REFERENCES], [SOURCE])["score"] == 26.95


def test_sari_of_perfect_and_of_copied_texts() -> None:
    reference = ["It rained . We stayed ."]
    source = "It rained and we stayed ."
    assert token_sari(reference, [reference], [source])["score"] == 100
    copied = token_sari([source], [reference], [source])["score"]
    assert 0 < copied < 70  # what is kept is right, nothing is added


def test_token_bleu_is_nltks() -> None:
    texts = ["the cat sat on the mat . it slept .", "a dog ran off . it never came back ."]
    references = [["the cat sat on a mat . it slept ."], ["the dog ran off . it did not come back ."]]
    expected = corpus_bleu([[row.split() for row in rows] for rows in references], [t.split() for t in texts])
    assert token_bleu(texts, references)["score"] == round(100 * expected, 2)


def test_exact_match_counts_whole_texts() -> None:
    assert exact_match(["a b", "c"], [["x", "a b"], ["C"]])["score"] == 50


def test_rouge_by_hand() -> None:
    found = rouge(["the cats sat"], [["the cat sat down"]])
    # Three of three words right (cats stems to cat), three of four found: F1 6/7; bigrams 2/2 and 2/3: 4/5.
    assert found["ROUGE-1"]["score"] == found["ROUGE-L"]["score"] == 85.71
    assert found["ROUGE-2"]["score"] == 80
    assert "porter" in found["ROUGE-1"]["signature"]
    assert rouge(["a b"], [["x y", "a b"]])["ROUGE-1"]["score"] == 100  # the best of several


def test_scores_use_all_references() -> None:
    texts = ["the cat is here now", "a dog runs over there"]
    both = score("translate", texts, [["something else entirely", texts[0]], [texts[1]]], texts)
    assert both["BLEU"]["score"] == 100.0
    assert "nrefs:var" in both["BLEU"]["signature"]
    assert score("translate", texts, [["something else"], [texts[1]]], texts)["BLEU"]["score"] < 100
    with pytest.raises(ValueError, match="as many"):
        score("translate", texts, [["one"]], texts)


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("translate", ["BLEU", "chrF"]),
        ("split", ["exact", "SARI", "BLEU", "chrF"]),
        ("fuse", ["exact", "SARI", "BLEU", "chrF"]),
        ("summarize", ["ROUGE-1", "ROUGE-2", "ROUGE-L"]),
    ],
)
def test_every_task_has_its_figures_and_baselines(task: str, names: list[str]) -> None:
    assert list(score(task, ["a b c d"], [["a b c d"]], ["a b"])) == names
    assert BASELINES[task]


def test_wikisplit_is_scored_on_its_own_tokens_too() -> None:
    tokens = (["It rained , so we stayed ."], [["It rained . We stayed ."]])
    rows = score_all(
        "split", ["It rained. We stayed."], [["It rained. We stayed."]], ["It rained, so we stayed."], tokens
    )
    assert [row["references"] for row in rows] == ["one", "tokens"]
    assert rows[1]["exact"]["score"] == rows[1]["BLEU"]["score"] == 100
    assert "tok:none" in rows[1]["BLEU"]["signature"]


def test_baselines() -> None:
    assert first_sentence("It rained. We stayed.") == "It rained."
    assert first_sentence("Version 2.4 of it") == "Version 2.4 of it"
    assert join_with_and("It rained. We stayed.") == "It rained, and we stayed."
    assert join_with_and("It rained. I stayed.") == "It rained, and I stayed."
    assert join_with_and("It rained.") == "It rained."


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ('He said "no", didn\'t he?', "He said '' no '' , did n't he ?"),
        (
            "In the 1960s (1961–63) U.S. sales rose 3.5%.",
            "In the 1960s ( 1961 -- 63 ) U.S. sales rose 3.5 % .",
        ),
        ("Dr. O'Brien's light-weight 10,000-seater.", "Dr. O'Brien 's light - weight 10,000 - seater ."),
    ],
)
def test_tokens_as_in_wikisplit(text: str, tokens: str) -> None:
    assert tokenise(text) == tokens


def test_moses_bleu_knows_no_case_and_sets_signs_apart() -> None:
    found = moses_bleu(["Zwei Hunde laufen, „schnell“."], [['zwei hunde laufen , "schnell" .']], "de")
    assert found["score"] == 100
    assert "sacremoses" in found["signature"]
