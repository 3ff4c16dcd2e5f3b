"""Figures of written texts, each with the signature that makes it comparable.

BLEU and chrF are sacreBLEU's (Post 2018), ROUGE is the rouge-score package's, SARI is in `sari`.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from importlib.metadata import version

from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from bertgen.training.scores.sari import corpus_sari

Score = dict[str, float | str]
# One or more references a text.
Rows = Sequence[Sequence[str]]
# The package's keys, and the names that tables show.
ROUGES = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}


def _streams(references: Rows) -> list[list[str | None]]:
    """References by row -> one stream per reference number, None where a row has fewer."""
    return [list(stream) for stream in itertools.zip_longest(*references)]


def _figure(value: float, signature: str) -> Score:
    return {"score": round(value, 2), "signature": signature}


def bleu_and_chrf(texts: Sequence[str], references: Rows) -> dict[str, Score]:
    """Corpus BLEU (13a) and chrF2."""
    streams = _streams(references)
    found = {}
    for name, metric in (("BLEU", BLEU()), ("chrF", CHRF())):
        value = metric.corpus_score(list(texts), streams).score
        found[name] = _figure(value, str(metric.get_signature()))
    return found


def token_bleu(texts: Sequence[str], references: Rows) -> Score:
    """BLEU over the texts' own tokens, unsmoothed: what NLTK's `corpus_bleu` gives for the same tokens."""
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    value = metric.corpus_score(list(texts), _streams(references)).score
    return _figure(value, str(metric.get_signature()))


def moses_bleu(texts: Sequence[str], references: Rows, language: str) -> Score:
    """BLEU as the literature on Multi30k has it: Moses punctuation and tokens, lower-cased."""
    # Only this benchmark needs the library.
    from sacremoses import MosesPunctNormalizer, MosesTokenizer

    normalizer, tokenizer = MosesPunctNormalizer(lang=language), MosesTokenizer(lang=language)

    def cut(text: str) -> str:
        return tokenizer.tokenize(normalizer.normalize(text), return_str=True, escape=False).lower()

    metric = BLEU(tokenize="none", force=True)
    rows = [[cut(text) for text in row] for row in references]
    value = metric.corpus_score([cut(text) for text in texts], _streams(rows)).score
    signature = f"{metric.get_signature()}|sacremoses {version('sacremoses')}|norm|lc"
    return _figure(value, signature)


def exact_match(texts: Sequence[str], references: Rows) -> Score:
    """Share of texts, in per cent, that equal one of their references."""
    hits = sum(text in row for text, row in zip(texts, references, strict=True))
    return _figure(100 * hits / len(texts), "whole text, case and punctuation count")


def sari(texts: Sequence[str], references: Rows, sources: Sequence[str]) -> Score:
    """SARI as Hugging Face's `evaluate` gives it: 13a tokens, lower-cased."""
    tokenizer = Tokenizer13a()

    def cut(text: str) -> list[str]:
        return tokenizer(text.lower()).split()

    value = corpus_sari(
        [cut(text) for text in sources],
        [cut(text) for text in texts],
        [[cut(text) for text in row] for row in references],
    )
    return _figure(value, "tok:13a|case:lc|recall of kept n-grams by count")


def token_sari(texts: Sequence[str], references: Rows, sources: Sequence[str]) -> Score:
    """SARI over the texts' own tokens, case kept: tensor2tensor's form."""
    rows = [[text.split() for text in row] for row in references]
    value = corpus_sari([text.split() for text in sources], [text.split() for text in texts], rows)
    return _figure(value, "tok:none|case:mixed|recall of kept n-grams by count")


def rouge(texts: Sequence[str], references: Rows) -> dict[str, Score]:
    """Mean F1 of ROUGE-1, -2 and -L with Porter stems; of several references the best one counts.

    The package's own tokens are runs of a-z and 0-9. Where the references hold next to none of those letters,
    words of any script are tokens, without stems, and the signature says so.
    """
    # It pulls NLTK in, which only summaries need.
    from rouge_score.rouge_scorer import RougeScorer

    # 1) The package's tokens and stems, or words of any script.
    if _is_latin(references):
        scorer, tokens = RougeScorer(list(ROUGES), use_stemmer=True), "stemmer:porter"
    else:
        scorer = RougeScorer(list(ROUGES), use_stemmer=False, tokenizer=_Words())
        tokens = "words of any script, lower-cased"
    # 2) Every text against the best of its references.
    rows = [scorer.score_multi(row, text) for text, row in zip(texts, references, strict=True)]
    signature = f"rouge-score {version('rouge_score')}|F1|{tokens}|mean"
    return {
        name: _figure(100 * sum(row[key].fmeasure for row in rows) / len(rows), signature)
        for key, name in ROUGES.items()
    }


def _is_latin(references: Rows) -> bool:
    letters = [letter for row in references for text in row for letter in text.lower() if letter.isalpha()]
    return 2 * sum(letter.isascii() for letter in letters) >= len(letters)


class _Words:
    """Words of any script, and single characters of those written without spaces (kana, Han)."""

    def tokenize(self, text: str) -> list[str]:
        # 1) Letters, marks and digits stay; everything else parts words.
        letters = list(text.lower())
        for place, letter in enumerate(letters):
            if unicodedata.category(letter)[0] not in "LMN":
                letters[place] = " "
        # 2) Every character of the scripts without spaces is a word.
        return re.sub("([\u3040-\u30ff\u3400-\u9fff])", r" \1 ", "".join(letters)).split()


def lowered(
    texts: Sequence[str], references: Rows, sources: Sequence[str]
) -> tuple[list[str], list[list[str]], list[str]]:
    """All three in lower case."""
    return (
        [text.lower() for text in texts],
        [[text.lower() for text in row] for row in references],
        [text.lower() for text in sources],
    )


def marked_lower(figures: dict[str, Score]) -> dict[str, Score]:
    """The figures with what was done to the texts in their signatures."""
    return {
        name: {**figure, "signature": f"{figure['signature']}|all lower-cased first"}
        for name, figure in figures.items()
    }


def score(
    task: str, texts: Sequence[str], references: Rows, sources: Sequence[str], lower: bool = False
) -> dict[str, Score]:
    """The figures that a task is judged by: {"BLEU": {score, signature}, ...}.

    ROUGE for "summarize"; exact match and SARI beside BLEU and chrF for "split" and "fuse"; BLEU and chrF
    for everything else. `lower` for models that know no capitals: all is lower-cased first, and the
    signatures say so.
    """
    if lower:
        return marked_lower(score(task, *lowered(texts, references, sources)))
    if not len(texts) == len(references) == len(sources):
        raise ValueError(
            f"{len(texts)} texts against {len(references)} rows of references and {len(sources)} sources; "
            "they must be as many"
        )
    if task == "summarize":
        return rouge(texts, references)
    found = bleu_and_chrf(texts, references)
    if task in ("split", "fuse"):
        found = {"exact": exact_match(texts, references), "SARI": sari(texts, references, sources), **found}
    return found
