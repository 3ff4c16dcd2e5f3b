"""BLEU and chrF as sacreBLEU defines them (Post 2018), with the signatures that make figures comparable."""

from __future__ import annotations

from collections.abc import Sequence

from sacrebleu.metrics import BLEU, CHRF

Score = dict[str, float | str]


def _streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References by row -> one stream per reference number, None where a row has fewer."""
    width = max(len(row) for row in references)
    return [[row[number] if number < len(row) else None for row in references] for number in range(width)]


def score(texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Score]:
    """Corpus BLEU (13a) and chrF2, one or more references a row: {"BLEU": {score, signature}, ...}."""
    if len(texts) != len(references):
        raise ValueError(
            f"{len(texts)} texts against {len(references)} rows of references; they must be as many"
        )
    streams = _streams(references)
    result: dict[str, Score] = {}
    for name, metric in (("BLEU", BLEU()), ("chrF", CHRF())):
        value = metric.corpus_score(list(texts), streams).score
        result[name] = {"score": round(value, 2), "signature": str(metric.get_signature())}
    return result
