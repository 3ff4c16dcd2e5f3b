"""SARI (Xu et al. 2016) in the form of tensor2tensor and of Hugging Face's `evaluate`.

It rewards n-grams rightly kept, deleted and added, each against source and references. The original authors'
first script divides the recall of kept n-grams by the number of distinct n-grams instead of their count; on
its own example it gives 26.828 where this form gives 26.9536.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

# N-grams of one to four tokens.
LONGEST = 4


def _ngrams(tokens: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1))


def _times(counts: Counter, factor: int) -> Counter:
    return Counter({key: count * factor for key, count in counts.items()})


def _mean_share(good: Counter, tried: Counter) -> float:
    """Mean over what was tried of the share that was right; 1 where nothing was tried."""
    if not tried:
        return 1.0
    return sum(good[key] / tried[key] for key in good) / len(tried)


def _share(part: int, whole: int) -> float:
    """`part` of `whole`; 1 where there was nothing to do right."""
    if not whole:
        return 1.0
    return part / whole


def _f1(precision: float, recall: float) -> float:
    if not precision + recall:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _scores(
    source: Sequence[str], output: Sequence[str], references: Sequence[Sequence[str]], size: int
) -> tuple[float, float, float]:
    """(keep, delete, add) for n-grams of one size."""
    # 1) Counts of n-grams. Source and output count as often as there are references.
    count = len(references)
    wanted = sum((_ngrams(reference, size) for reference in references), Counter())
    plain_source, plain_output = _ngrams(source, size), _ngrams(output, size)
    before, after = _times(plain_source, count), _times(plain_output, count)

    # 2) Keep: F1 of what source and output have in common.
    kept = before & after
    rightly_kept, to_keep = kept & wanted, before & wanted
    recall = _share(sum(rightly_kept.values()), sum(to_keep.values()))
    keep = _f1(_mean_share(rightly_kept, kept), recall)

    # 3) Delete: precision alone, as deleting too much is the worse fault.
    deleted = before - after
    delete = _mean_share(deleted - wanted, deleted)

    # 4) Add: F1 over distinct n-grams, however often they stand.
    added, to_add = set(plain_output) - set(plain_source), set(wanted) - set(plain_source)
    rightly_added = len(added & set(wanted))
    add = _f1(_share(rightly_added, len(added)), _share(rightly_added, len(to_add)))
    return keep, delete, add


def sentence_sari(source: Sequence[str], output: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """SARI of one tokenised output, 0 to 100."""
    sizes = [_scores(source, output, references, size) for size in range(1, LONGEST + 1)]
    return 100 * sum(sum(scores) / 3 for scores in sizes) / LONGEST


def corpus_sari(
    sources: Sequence[Sequence[str]],
    outputs: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
) -> float:
    """Mean SARI of tokenised outputs, one or more references each."""
    rows = zip(sources, outputs, references, strict=True)
    return sum(sentence_sari(*row) for row in rows) / len(sources)
