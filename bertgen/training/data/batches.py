"""Rows of text in, length-bucketed batches of ids out."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

# Label of padded positions, as in the reference's losses.
IGNORED = -100


@dataclass(frozen=True)
class Example:
    """One training pair as ids. `target` ends with the end token; the source is as the tokenizer gives it.

    `texts` are what both were made from, where that is known.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]
    texts: tuple[str, str] = field(default=("", ""), compare=False)


def encode_pairs(
    pairs: Sequence[tuple[str, str]],
    encode_source: Callable[[str], list[int]],
    encode_target: Callable[[str], list[int]],
    eos_id: int,
    longest_source: int,
    longest_target: int,
) -> list[Example]:
    """Encode both sides, append the end token to targets, leave out empty and over-long rows."""
    examples = []
    for source, target in pairs:
        example = Example(tuple(encode_source(source)), (*encode_target(target), eos_id), (source, target))
        if fits(example, longest_source, longest_target):
            examples.append(example)
    return examples


def fits(example: Example, longest_source: int, longest_target: int) -> bool:
    """Whether both sides hold something (the end token aside) and are short enough."""
    return 0 < len(example.source) <= longest_source and 1 < len(example.target) <= longest_target


def curl_apostrophes(pairs: Sequence[tuple[str, str]], share: float, seed: int) -> list[tuple[str, str]]:
    """Write ' as ’ in a share of the sources: telephones type the curly one, the corpora hardly hold it."""
    rng = random.Random(f"apostrophes-{seed}")
    curled = []
    for source, target in pairs:
        # Drawn for every row, with an apostrophe or without: the draws do not depend on the texts.
        if rng.random() < share:
            source = source.replace("'", "’")
        curled.append((source, target))
    return curled


def draw_rows(counts: Sequence[int], shares: Sequence[float], seed: int, epoch: int) -> list[int]:
    """Row numbers of one epoch: of each set (`counts` rows, one after the other) its share, drawn anew."""
    rng = random.Random(f"rows-{seed}-{epoch}")
    rows: list[int] = []
    first = 0
    for count, share in zip(counts, shares, strict=True):
        # A share of 2.5 reads every row twice, and half of them again.
        rows += list(range(first, first + count)) * int(share)
        rows += sorted(rng.sample(range(first, first + count), round(count * (share % 1))))
        first += count
    return rows


def join_examples(
    examples: Sequence[Example], share: float, longest: tuple[int, int], seed: int, epoch: int
) -> list[Example]:
    """Glue a share of the rows to one to three others, so that texts of several sentences are known too.

    SentencePiece never crosses a space here, so joining ids equals encoding the texts joined by one space.
    """
    rng = random.Random(f"joined-{seed}-{epoch}")
    # 1) The rows to glue, in any order; the others stay as they are.
    picked = [row for row in range(len(examples)) if rng.random() < share]
    rng.shuffle(picked)
    untouched = set(range(len(examples))) - set(picked)
    result = [examples[row] for row in sorted(untouched)]
    # 2) Two to four at a time; a text that grows too long falls back into its rows.
    while picked:
        group = [examples[picked.pop()] for _ in range(min(rng.randint(2, 4), len(picked)))]
        source = tuple(piece for row in group for piece in row.source)
        # Only the last end token stays: those between would tell the decoder to stop.
        target = (*(piece for row in group for piece in row.target[:-1]), group[-1].target[-1])
        if len(source) <= longest[0] and len(target) <= longest[1]:
            result.append(Example(source, target))
        else:
            result += group
    return result


def make_batches(examples: Sequence[Example], tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """Cut one epoch into batches of row numbers, at most `tokens` padded positions on either side.

    Rows of equal lengths stand together (hardly any padding); ties and the order of batches are shuffled,
    the same way for the same seed and epoch.
    """
    # 1) Rows by length, so that a batch holds hardly any padding.
    rng = random.Random(f"batches-{seed}-{epoch}")
    order = list(range(len(examples)))
    rng.shuffle(order)
    # Target length first: the decoder is the dearer side. The sort is stable: the shuffle decides ties.
    order.sort(key=lambda row: (len(examples[row].target), len(examples[row].source)))
    # 2) Cut where one more row would make the padded batch too large.
    batches: list[list[int]] = []
    current: list[int] = []
    longest = 0
    for row in order:
        size = max(len(examples[row].source), len(examples[row].target))
        longest = max(longest, size)
        if current and longest * (len(current) + 1) > tokens:
            batches.append(current)
            current, longest = [], size
        current.append(row)
    batches.append(current)
    # 3) Or a run would read its short rows first and its long ones last.
    rng.shuffle(batches)
    return batches


@dataclass(frozen=True)
class Batch:
    """Ids and masks of the source [B, S] and of the decoder [B, T]; `labels` [B, T]; how many are real."""

    input_ids: Tensor
    attention_mask: Tensor
    decoder_input_ids: Tensor
    decoder_attention_mask: Tensor
    labels: Tensor
    target_tokens: int

    @property
    def tokens(self) -> int:
        """What the log's speed counts."""
        return self.target_tokens

    def to(self, device: torch.device) -> Batch:
        """Copy to `device`; towards a GPU from pinned memory, without waiting for the copy."""

        def move(tensor: Tensor) -> Tensor:
            if device.type != "cuda":
                return tensor
            return tensor.pin_memory().to(device, non_blocking=True)

        return Batch(
            move(self.input_ids),
            move(self.attention_mask),
            move(self.decoder_input_ids),
            move(self.decoder_attention_mask),
            move(self.labels),
            self.target_tokens,
        )


def pad_rows(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Right-pad rows of ids with `value` into one int64 tensor [B, longest]."""
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows], dtype=torch.int64)


def collate(
    examples: Sequence[Example], pad_id: int, start_id: int, source_pad_id: int | None = None
) -> Batch:
    """Pad rows together; the decoder reads the labels shifted right behind the start token.

    `source_pad_id` is for an encoder with a vocabulary of its own; else sources are padded as targets are.
    """
    if source_pad_id is None:
        source_pad_id = pad_id
    input_ids = pad_rows([row.source for row in examples], source_pad_id)  # [B, S]
    labels = pad_rows([row.target for row in examples], IGNORED)  # [B, T]
    decoder_input_ids = pad_rows([(start_id, *row.target[:-1]) for row in examples], pad_id)  # [B, T]
    # Masks follow the lengths: in some vocabularies the pad id is also an ordinary token's.
    return Batch(
        input_ids=input_ids,
        attention_mask=pad_rows([(1,) * len(row.source) for row in examples], 0),
        decoder_input_ids=decoder_input_ids,
        decoder_attention_mask=(labels != IGNORED).to(torch.int64),
        labels=labels,
        target_tokens=sum(len(row.target) for row in examples),
    )
