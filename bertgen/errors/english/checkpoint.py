"""Messages about the files of a checkpoint: weights, configs, vocabularies."""

from __future__ import annotations

_AGAIN = "download or save the file again"
_FIX_CONFIG = "correct it in config.json"
_FETCH = "fetch the file again"

CHECKPOINT: dict[str, tuple[str, str]] = {
    # ---- weights
    "weights.mismatch": (
        "the checkpoint does not fit this {model}: {listed}",
        "load it with its own config, or pass ignore_mismatched_sizes=True to initialise these afresh",
    ),
    "weights.missing": (
        "{name} holds no weights; expected {expected}",
        "give the folder or the repository that holds them",
    ),
    "weights.not_cached": (
        "{name} holds no weights in the local cache, and nothing else was asked ({reason}); expected "
        "{expected}",
        "connect and load it once",
    ),
    "weights.bad_index": ("{path} is not a weight index ({said})", "download the checkpoint again"),
    "weights.no_shard": ("{name} lacks {shard}, which {path} names", "download the checkpoint again"),
    "weights.short_shards": (
        "the shards of {name} lack {first} (and {more} more) of the index",
        "download the checkpoint again",
    ),
    "weights.bad_safetensors": (
        "{path} is not a readable safetensors file ({said})",
        "download it again (force_download=True)",
    ),
    "weights.bad_pickle": (
        "{path} could not be read as plain weights ({said}): a file that needs more than tensors is refused "
        "because it could run code",
        "convert it to safetensors first",
    ),
    "weights.no_tensors": (
        "{path} holds no state dict of tensors",
        "save it with save_pretrained or torch.save(model.state_dict())",
    ),
    # ---- files of settings
    "file.bad_json": ("{path} is not valid JSON ({said})", _AGAIN),
    "file.no_object": ("{path} holds a {kind}, not a JSON object of settings", _AGAIN),
    "file.no_config": (
        "{name} holds no {file}",
        "give a folder written by save_pretrained or the id of a model repository",
    ),
    # ---- a model's config: single fields
    "config.integer": ("{name} must be an integer, got {got} ({kind})", _FIX_CONFIG),
    "config.number": ("{name} must be a number, got {got}", _FIX_CONFIG),
    "config.low": ("{name} must be {lowest} or more, got {got}", _FIX_CONFIG),
    "config.high": ("{name} must be {highest} or less, got {got}", _FIX_CONFIG),
    "config.flag": ("{name} must be true or false, got {got}", _FIX_CONFIG),
    "config.activation": ("{name} {got} is unknown", "choose one of {choices}"),
    "config.activation_type": ("{name} must be a name or a function of a tensor, got {got}", _FIX_CONFIG),
    "config.positions": ("position_embedding_type {got} is unknown", "choose one of {choices}"),
    "config.no_dict": ("settings of a {kind} must be a dict, got {got}", "give them by their names"),
    "config.bad_key": ("settings of a {kind} have names, got the key {got}", "give it a name"),
    "config.not_a_setting": ("{name!r} is not a setting but a part of {kind}", "remove the key"),
    "config.dict": ("{name} must be a dict, got {got}", _FIX_CONFIG),
    "config.number_keys": ("the keys of {name} must be numbers, got {got}", _FIX_CONFIG),
    "config.one_model": (
        "{name} is one model of the family {found!r}, no encoder-decoder of two",
        "{move}",
    ),
    "config.pruned_list": ("pruned_heads of layer {layer} must be a list of heads, got {got}", _FIX_CONFIG),
    "config.labels": ("num_labels must be an integer of at most 1000000, got {got}", _FIX_CONFIG),
    # ---- a model's config: what goes together
    "config.heads": (
        "hidden_size {width} is not a multiple of num_attention_heads {heads}; each head gets hidden_size / "
        "num_attention_heads numbers",
        _FIX_CONFIG,
    ),
    "config.pad_type": ("pad_token_id must be an id or null, got {got}", _FIX_CONFIG),
    "config.pad_outside": (
        "pad_token_id {pad} is outside the vocabulary of {rows} tokens (vocab_size)",
        "give the padding token a row of its own, or set pad_token_id to null",
    ),
    "config.pruned_layer": ("pruned_heads names layer {layer}, but there are {layers} layers", _FIX_CONFIG),
    "config.pruned_heads": (
        "pruned_heads of layer {layer} are {got}, and heads are numbers from 0 to {last}",
        _FIX_CONFIG,
    ),
    "config.memory": (
        "a model of this config ({sizes}) takes {needed:,.0f} GB, this machine has {there:,.0f} GB",
        "are the sizes right?",
    ),
    "config.two_sides": (
        "EncoderDecoderConfig needs encoder= and decoder=",
        "EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder) joins two configs",
    ),
    "config.unknown_side": (
        "unknown model_type {got}",
        "as encoder or decoder choose one of {choices}",
    ),
    "config.other_side": ("{name} is of model_type {got}", "as {side} choose one of {choices}"),
    "config.joined": (
        "this checkpoint holds an encoder and a decoder, a {model} is one of them",
        "load it with EncoderDecoderModel.from_pretrained and take .encoder or .decoder",
    ),
    # ---- vocabularies
    "vocabulary.missing": ("no vocabulary file at {path!r}", "give the path of one that is there"),
    "vocabulary.too_large": (
        "{path!r} has {size:,} bytes, and vocabularies end far below {largest:,}",
        "Is it a weights file?",
    ),
    "vocabulary.no_text": ("{path!r} is not UTF-8 text ({said})", _FETCH),
    "vocabulary.lfs_pointer": ("{path!r} is a Git LFS pointer", "fetch the real file with `git lfs pull`"),
    "vocabulary.bad_json": ("{path!r} is not valid JSON ({said})", _FETCH),
    "vocabulary.no_object": ("{path!r} holds a {kind}, not a JSON object", _FETCH),
    "vocabulary.empty": ("{path!r} is empty", "a vocab.txt has one token a line"),
    "vocabulary.none": ("{path!r} holds no vocabulary (a JSON object of token: id)", _FETCH),
    "vocabulary.bad_id": (
        "{path!r}: {token!r} has {got}; an id is a whole number from 0 on",
        _FETCH,
    ),
    "vocabulary.bad_merge": ("{path!r}, merge {number}: {got} is no pair of pieces", _FETCH),
    "vocabulary.no_model": ("{path!r} holds no tokenizer: it has no 'model'", _FETCH),
    "vocabulary.other_kind": (
        "{path!r} is a {kind} tokenizer",
        "WordPiece and byte-level BPE are read from it",
    ),
    "vocabulary.other_cuts": (
        "{path!r} cuts text by {parts}, and BertTokenizer by BertNormalizer and BertPreTokenizer",
        "load it with the tokenizer that it was saved by",
    ),
    "vocabulary.other_prefix": (
        "{path!r} marks continuations by {got}, and BertTokenizer by '##'",
        "load it with the tokenizer that it was saved by",
    ),
    "vocabulary.other_bytes": (
        "{path!r} cuts text by {parts} with {options}, and GPT2Tokenizer and RobertaTokenizer by ByteLevel",
        "load it with the tokenizer that it was saved by",
    ),
    "vocabulary.no_wordpiece": ("{path!r} is {kind}, not WordPiece", "try GPT2Tokenizer"),
    "vocabulary.no_bpe": ("{path!r} is {kind}", "try BertTokenizer"),
    "vocabulary.no_spiece": ("no SentencePiece model at {path!r}", "give the path of a spiece.model"),
    "vocabulary.bad_spiece": (
        "{path!r} is no SentencePiece model ({said})",
        "a file of a few hundred bytes is a Git LFS pointer: fetch the real one with `git lfs pull`",
    ),
    # ---- a tokenizer's files
    "tokenizer.added_dict": ("added_tokens_decoder must be a dict of id: token, got {got}", _AGAIN),
    "tokenizer.added_id": ("an added token has the id {got}, which must be an integer from 0 on", _AGAIN),
    "tokenizer.added_token": (
        "the added token {index} is {got}, and a dict with a text 'content' is one",
        _AGAIN,
    ),
    "tokenizer.limit": ("model_max_length must be a number of tokens, got {got}", _AGAIN),
    "tokenizer.side": ("{name} must be 'right' or 'left', got {got}", _AGAIN),
    "tokenizer.unknown_type": (
        "{source}{got!r} is not among {choices}",
        "if one of {classes} reads its vocabulary, load it with that class's from_pretrained",
    ),
    "tokenizer.unknown_class": (
        "{source} asks for {got!r}, which is not among {choices}",
        "if one of them reads its vocabulary, load it with that class's own from_pretrained",
    ),
    "tokenizer.no_vocabulary": (
        "{name!r} holds no vocabulary (it holds {held}); needed is spiece.model, vocab.txt, vocab.json with "
        "merges.txt, or tokenizer.json",
        "copy them from the checkpoint's source, or save a tokenizer there",
    ),
    "tokenizer.no_vocabulary_there": (
        "{name!r} holds no vocabulary; needed is spiece.model, vocab.txt, vocab.json with merges.txt, or "
        "tokenizer.json",
        "copy them from the checkpoint's source, or save a tokenizer there",
    ),
    "tokenizer.one_file": (
        "{path!r}: one file loads from spiece.model, vocab.txt or tokenizer.json",
        "give the folder that holds it",
    ),
    "tokenizer.several_files": ("{kind} needs {needs}", "give the folder that holds them"),
    "tokenizer.lacks_files": (
        "{name!r} has no {needed}, which {kind} needs",
        "AutoTokenizer.from_pretrained goes by the files that are there",
    ),
}
