"""The joint SentencePiece vocabulary of a recipe, and the tokenizer files around it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import sentencepiece

PAD_ID, EOS_ID, BOS_ID, UNK_ID = 0, 1, 2, 3
MASK = "<mask>"
# The reference tokenizer's sep_token; as a piece of the vocabulary it needs no added id.
SEPARATOR = "<::::>"


def train_sentencepiece(
    lines: Iterable[str], size: int, model_type: str = "unigram", symbols: Sequence[str] = (SEPARATOR,)
) -> bytes:
    """Train a vocabulary of `size` pieces on `lines`; returns the serialised model.

    Text is taken as it is (no Unicode normalisation), unknown characters fall back to bytes and digits stand
    alone: what was encoded decodes to the same text, up to runs of spaces. `symbols` are pieces of their own,
    whatever the text holds. One thread, so the same lines give the same model. More pieces
    than the text can fill are a ValueError.
    """
    buffer = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=buffer,
            vocab_size=size,
            model_type=model_type,
            pad_id=PAD_ID,
            eos_id=EOS_ID,
            bos_id=BOS_ID,
            unk_id=UNK_ID,
            pad_piece="<pad>",
            eos_piece="</s>",
            bos_piece="<s>",
            unk_piece="<unk>",
            user_defined_symbols=list(symbols),
            byte_fallback=True,
            split_digits=True,
            normalization_rule_name="identity",
            character_coverage=0.9998,
            # The corpora hardly hold it, recipes with a `curly_share` do.
            required_chars="’",
            num_threads=1,
            minloglevel=1,
        )
    except RuntimeError as error:  # its message says which sizes would do
        raise ValueError(f"the vocabulary cannot be trained: {error}") from error
    return buffer.getvalue()


def write_tokenizer_files(folder: Path, model: bytes, longest_source: int) -> None:
    """Write spiece.model, tokenizer_config.json and special_tokens_map.json in the reference's layout."""
    # 1) The vocabulary, and the names of its special tokens.
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spiece.model").write_bytes(model)
    specials = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "sep_token": SEPARATOR,
        "unk_token": "<unk>",
    }
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    # Only a vocabulary for pre-training holds the mask.
    if processor.piece_to_id(MASK) != UNK_ID:
        specials["mask_token"] = MASK
    # 2) What the reference reads of each of them, and of the tokenizer.
    added = {
        str(processor.piece_to_id(piece)): {
            "content": piece,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": True,
        }
        for piece in specials.values()
    }
    config = {
        "added_tokens_decoder": dict(sorted(added.items(), key=lambda item: int(item[0]))),
        # Without this the reference rewrites decoded text afterwards (" .dvi" -> ".dvi").
        "clean_up_tokenization_spaces": False,
        "model_max_length": longest_source,
        "sp_model_kwargs": {},
        "tokenizer_class": "BertGenerationTokenizer",
        **specials,
    }
    for name, content in (("tokenizer_config.json", config), ("special_tokens_map.json", specials)):
        (folder / name).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
