"""Readers, batches and vocabulary of bertgen.training."""

import gzip
from pathlib import Path

import pytest
import sentencepiece
import torch

from bertgen.training.data.batches import (
    Example,
    collate,
    curl_apostrophes,
    draw_rows,
    encode_pairs,
    join_examples,
    make_batches,
)
from bertgen.training.data.corpora.files import read_pairs
from bertgen.training.data.vocabulary import SEPARATOR, train_sentencepiece


def rows(count: int) -> list[Example]:
    """Examples of many lengths, each recognisable by its first id."""
    return [
        Example(tuple([row + 10] + [5] * (row % 7)), tuple([row + 10] + [6] * (row * 3 % 11) + [1]))
        for row in range(count)
    ]


@pytest.mark.parametrize("name", ["rows.tsv", "rows.tsv.gz"])
def test_reads_two_columns_plain_or_gzipped(tmp_path: Path, name: str) -> None:
    content = "a cat\teine Katze\ntwo\u2028lines\tzwei Zeilen\n".encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read_pairs(tmp_path / name) == [("a cat", "eine Katze"), ("two\u2028lines", "zwei Zeilen")]


@pytest.mark.parametrize("content", ["one column\n", "a\tb\nc\td\te\n", "a\tb\nc\n"])
def test_other_column_counts_name_file_and_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"rows\.tsv, line {2 if 'b' in content else 1}: [13] columns"):
        read_pairs(path)


def test_encoding_ends_targets_and_leaves_long_rows_out() -> None:
    def letters(text: str) -> list[int]:
        return [ord(letter) for letter in text]

    pairs = [("ab", "c"), ("abcd", "c"), ("a", "cccc"), ("", "c"), ("a", "")]
    found = encode_pairs(pairs, letters, letters, 1, 3, 4)
    assert found == [Example((97, 98), (99, 1))]


def test_batches_hold_every_row_once_within_the_budget_and_follow_the_seed() -> None:
    examples = rows(200)
    batches = make_batches(examples, 64, seed=3, epoch=0)
    assert sorted(row for batch in batches for row in batch) == list(range(200))
    for batch in batches:
        longest = max(max(len(examples[row].source), len(examples[row].target)) for row in batch)
        assert longest * len(batch) <= 64
    assert make_batches(examples, 64, seed=3, epoch=0) == batches
    assert make_batches(examples, 64, seed=3, epoch=1) != batches
    assert make_batches(examples, 64, seed=4, epoch=0) != batches


def test_batches_of_similar_lengths_hardly_pad() -> None:
    examples = rows(2000)
    padded = 0
    for batch in make_batches(examples, 256, seed=0, epoch=0):
        padded += max(len(examples[row].target) for row in batch) * len(batch)
    assert padded < 1.05 * sum(len(example.target) for example in examples)


def test_a_share_of_each_set_is_drawn() -> None:
    drawn = draw_rows([10, 20], [1.0, 0.5], seed=1, epoch=0)
    assert drawn[:10] == list(range(10))
    assert len(set(drawn[10:])) == 10
    assert set(drawn[10:]) <= set(range(10, 30))
    assert drawn != draw_rows([10, 20], [1.0, 0.5], seed=1, epoch=1)
    assert sorted(draw_rows([4], [2.5], seed=1, epoch=0))[:2] == [0, 0]  # more than once over
    assert len(draw_rows([4, 4], [2.5, 0.0], seed=1, epoch=0)) == 10


def test_joined_rows_lose_nothing() -> None:
    examples = rows(100)
    joined = join_examples(examples, 0.5, (40, 40), seed=1, epoch=0)
    assert len(joined) < 100
    assert max(len(example.target) for example in joined) <= 40
    for side in ("source", "target"):
        before = sorted(piece for row in examples for piece in getattr(row, side) if piece > 1)
        after = sorted(piece for row in joined for piece in getattr(row, side) if piece > 1)
        assert before == after
    assert all(row.target.count(1) == 1 and row.target[-1] == 1 for row in joined)


def test_curly_apostrophes_only_in_sources() -> None:
    pairs = [("don't", "so'n")] * 50
    curled = curl_apostrophes(pairs, 0.5, seed=1)
    assert {pair[0] for pair in curled} == {"don't", "don’t"}
    assert {pair[1] for pair in curled} == {"so'n"}


def test_collate_pads_shifts_and_ignores() -> None:
    batch = collate([Example((7, 8, 9), (5, 1)), Example((7,), (5, 6, 1))], pad_id=0, start_id=2)
    assert batch.input_ids.tolist() == [[7, 8, 9], [7, 0, 0]]
    assert batch.attention_mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch.labels.tolist() == [[5, 1, -100], [5, 6, 1]]
    assert batch.decoder_attention_mask.tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch.decoder_input_ids.tolist() == [[2, 5, 0], [2, 5, 6]]
    assert batch.target_tokens == 5
    assert batch.to(torch.device("cpu")).labels is batch.labels


def test_vocabulary_has_the_ids_of_the_config_and_loses_no_text() -> None:
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "saw", "12", "birds", "its", "house", "was", "red"]
    lines = [" ".join(words[start : start + 5]) for start in range(len(words) - 5)] * 20
    model = train_sentencepiece(lines, 290)
    assert train_sentencepiece(lines, 290) == model
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [processor.id_to_piece(piece) for piece in range(5)]
    assert pieces == ["<pad>", "</s>", "<s>", "<unk>", SEPARATOR]
    for text in ("Straße — ½ ﬁ 漢字 🙂", "the cat’s mat", "<::::> 2026"):
        ids = processor.encode(text)
        assert processor.unk_id() not in ids
        assert processor.decode(ids) == text
    with pytest.raises(ValueError, match="Vocabulary size too high"):
        train_sentencepiece(lines, 5000)
