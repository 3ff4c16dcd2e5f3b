"""What is asked of the BERT, RoBERTa and GPT-2 tokenizers, as plain data; see tokenizer_cases.py."""

from __future__ import annotations

from typing import Any

from tokenizer_cases import CALLS, EXTRA, PAIR, TEXTS, added, call

# Special tokens of each family in texts, and what lower-casing and byte pairs stumble on.
FAMILY_TEXTS: list[Any] = [
    *TEXTS,
    "[CLS] The sofa [SEP] is [MASK]. [PAD][UNK]", "[cls] [Sep] [ MASK ] [[MASK]] [MASK]s",
    "[SEP]\n[SEP]\t[SEP]", "a <mask> b", "a  <mask>  b<mask>",
    "<|endoftext|>", "The<|endoftext|>house <|endoftext|> ", "<|EndOfText|>",
    "ΑΣ ΟΔΥΣΣΕΥΣ Σ σς ΑΣ[SEP]ΑΣ", "İstanbul ıI ŞŞ ǅ ŉ ẞ ﬃ", "中文a中b文 \U00020000\U0002a6d6x\uf900",
    "a\ufa6eb\ufadac \U0002a6dfd\U0002fa1f",  # unassigned code points of Chinese blocks
    "I'm I'M don'T he'll HE'LL 's'S 've're", "a\n\n b \t\n c   \n", " \n", "x " * 20,
    "\u2028a\u2029b\x85c\x1cd",
    "a.b The a.b. THE", "1a2b3c ½٣४ 10,000.5", "##ing ## a##b ▁ Ġ Ċ", {"text": ["q", 99]},
    {"text": ["q", 100]}, {"text": ["q", 101]}, {"text": ["\u0301", 40]}, {"text": ["<mask> [MASK] ", 30]},
]  # fmt: skip

# All but those with pieces that no byte-level vocabulary can hold: the reference ends in a KeyError there.
FAMILY_CALLS = [
    *(c for c in CALLS if "▁The" not in str(c["args"])),
    call("__call__", *PAIR, return_special_tokens_mask=True, padding="max_length", max_length=60),
    call("__call__", PAIR, PAIR[::-1], padding=True, return_token_type_ids=True, return_tensors="pt"),
    call("__call__", *PAIR, truncation=True, max_length=2), call("__call__", PAIR[0], max_length=1),
    call("__call__", PAIR[0], truncation=True, max_length=2),
    call("__call__", [PAIR[0].split()], is_split_into_words=True, add_prefix_space=True),
    call("__call__", ["a", " b", "", "\nc"], is_split_into_words=True),
    call("__call__", "a [SEP] b[SEP]c <mask> <|endoftext|>", split_special_tokens=True),
    call("__call__", "a", add_prefix_space=True), call("tokenize", " a", add_prefix_space=True),
    call("tokenize", "", add_prefix_space=True), call("encode", "a", add_special_tokens=False),
    call("build_inputs_with_special_tokens", [5, 6]), call("create_token_type_ids_from_sequences", [5]),
    call("get_special_tokens_mask", [5, 6], [7]), call("num_special_tokens_to_add"),
    call("num_special_tokens_to_add", pair=True),
    call("prepare_for_tokenization", "a", is_split_into_words=True),
    call("convert_tokens_to_string", ["The", "##so", "##", "Ġfa", "Ã", "©", "Ã"]),
    call("convert_tokens_to_string", []), call("convert_tokens_to_string", ["ā"]),
    call("convert_tokens_to_ids", ["[SEP]", "<s>", "The", "zzz"]), call("decode", [10**6, 5]),
    call("decode", [-100], skip_special_tokens=True), call("decode", 5), call("convert_ids_to_tokens", -1),
    call("batch_decode", [[2, 70, 71, 3, 0], [300, 301]], clean_up_tokenization_spaces=False),
    call("prepare_seq2seq_batch", PAIR, PAIR[::-1], max_length=9, max_target_length=7, return_tensors="pt"),
    call("prepare_seq2seq_batch", PAIR[:1]), call("sanitize_special_tokens"), call("get_added_vocab"),
]  # fmt: skip

ADDED = [
    call("add_tokens", ["new", "NEWER", added("<left>", lstrip=True), added("<right>", rstrip=True)]),
    call("add_tokens", [added("<both>", lstrip=True, rstrip=True), added("<single>", single_word=True)]),
    call("add_tokens", [added("CamelOne", normalized=False), added("CamelTwo", normalized=True)]),
    call("add_tokens", ["</s>", "[SEP]", "the", "two words", ""]),
    call("add_special_tokens", {"additional_special_tokens": ["<x>", "<Y>"], "cls_token": "<cls>"}),
    call("add_special_tokens", {"additional_special_tokens": ["<z>"]},
         replace_additional_special_tokens=False),
    call("add_special_tokens", {"mask_token": added("<m>", lstrip=True, special=True)}),
    call("add_tokens", ["<w>"], special_tokens=True),
]  # fmt: skip
ADDED_TEXTS = [
    *EXTRA, "camelone CamelOne cameltwo CamelTwo CAMELTWO", "xCamelOney", "new NEWER newer Newer",
    "<Y> <y> a <Y>.", "two words two  words Two Words",
    "[SEP] <cls> <m>  <m> <w><z>", "a <single>. <single>,b",
]  # fmt: skip

# Hand-written vocabularies: doubles, no special tokens, gaps, pieces and bytes that are missing.
ODD_VOCAB = ["a", "b", "##b", "a", "", " c ", "##", "[X]", "the", "##e", "t", "##h", "é", ".", "[ ]", "🙂"]
ODD_JSON = {"a": 0, "b": 2, "Ġ": 3, "ab": 7, "Ġa": 5, "<pad>": 9, "c d": 11, "Ã": 12, "</s>": 1}
ODD_MERGES = "#version: 0.2\na b\nĠ a\nab c\nÃ ©\n"
ODD_TEXTS = [
    "a b ab abc the té é aé . [X] [ ] 🙂",
    "a a  a ab\nab",
    "xyz",
    "",
    "c d ab</s>a<pad>",
    "tea thee abb",
]

BERT, BYTES = "bert", "bytes"
# name -> class, vocabulary, constructor arguments, steps after it, texts, whether all calls are made
BUILDS: dict[str, dict[str, Any]] = {
    "bert": {"class": "BertTokenizer", "vocabulary": BERT, "calls": True},
    "bert_cased": {
        "class": "BertTokenizer",
        "vocabulary": BERT,
        "init": {"do_lower_case": False, "model_max_length": 12, "padding_side": "left",
                 "truncation_side": "left"},
        "calls": True,
    },
    "bert_options": {
        "class": "BertTokenizer",
        "vocabulary": BERT,
        "init": {"strip_accents": False, "tokenize_chinese_chars": False, "never_split": ["a.b", "The"],
                 "clean_up_tokenization_spaces": False},
    },
    "bert_accents": {
        "class": "BertTokenizer",
        "vocabulary": BERT,
        "init": {"do_lower_case": False, "strip_accents": True},
        "texts": FAMILY_TEXTS[10:24] + FAMILY_TEXTS[-25:],
    },
    "bert_plain": {
        "class": "BertTokenizer",
        "vocabulary": BERT,
        "init": {"do_basic_tokenize": False},
        "steps": ADDED[2:3],
        "texts": FAMILY_TEXTS[:14] + FAMILY_TEXTS[-25:],
    },
    "bert_seq2seq": {
        "class": "BertTokenizer",
        "vocabulary": BERT,
        "init": {"pad_token": "<pad>", "eos_token": "</s>", "bos_token": "<s>"},
        "texts": [*EXTRA, "<s> hello </s><pad>", "[PAD] [CLS]"],
    },
    "bert_added": {"class": "BertTokenizer", "vocabulary": BERT, "steps": ADDED, "texts": ADDED_TEXTS},
    "bert_cased_added": {
        "class": "BertTokenizer",
        "vocabulary": BERT,
        "init": {"do_lower_case": False},
        "steps": ADDED,
        "texts": ADDED_TEXTS,
    },
    "bert_odd": {
        "class": "BertTokenizer",
        "vocabulary": "odd_bert",
        "init": {"unk_token": "[X]", "do_lower_case": False},
        "texts": ODD_TEXTS,
    },
    "roberta": {"class": "RobertaTokenizer", "vocabulary": BYTES, "calls": True},
    "roberta_prefix": {
        "class": "RobertaTokenizer",
        "vocabulary": BYTES,
        "init": {"add_prefix_space": True, "errors": "ignore", "model_max_length": 16,
                 "clean_up_tokenization_spaces": False},
        "calls": True,
    },
    "roberta_added": {"class": "RobertaTokenizer", "vocabulary": BYTES, "steps": ADDED, "texts": ADDED_TEXTS},
    "roberta_renamed": {
        "class": "RobertaTokenizer",
        "vocabulary": BYTES,
        "init": {"bos_token": "[B]", "sep_token": added("[S]", rstrip=True), "mask_token": "[M]",
                 "additional_special_tokens": ["<e1>"], "note": [1]},
        "texts": [*EXTRA, "a [M] b [S] c[B] <e1>d <s> <mask> <unk>"],
    },
    "gpt2": {"class": "GPT2Tokenizer", "vocabulary": BYTES, "calls": True},
    "gpt2_bos": {
        "class": "GPT2Tokenizer",
        "vocabulary": BYTES,
        "init": {"add_bos_token": True, "pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>"},
        "calls": True,
    },
    "gpt2_prefix": {
        "class": "GPT2Tokenizer",
        "vocabulary": BYTES,
        "init": {"add_prefix_space": True, "unk_token": "<none>", "eos_token": "<end>"},
        "texts": [*ADDED_TEXTS, "a <none> b<end>", *FAMILY_TEXTS[-30:-5]],
    },
    "gpt2_added": {"class": "GPT2Tokenizer", "vocabulary": BYTES, "steps": ADDED, "texts": ADDED_TEXTS},
    "gpt2_odd": {
        "class": "GPT2Tokenizer",
        "vocabulary": "odd_bytes",
        "init": {"unk_token": "</s>", "bos_token": "</s>", "eos_token": "</s>", "errors": "replace"},
        "texts": ODD_TEXTS,
    },
}  # fmt: skip

_SEQ2SEQ = {"model_type": "encoder-decoder", "is_encoder_decoder": True}
# Folders as they stand in the wild: which vocabulary files, and the JSON files beside them.
FOLDERS: dict[str, dict[str, Any]] = {
    "bert_alone": {"class": "BertTokenizer", "vocabulary": BERT,
                   "files": {"config.json": {"model_type": "bert"}}},
    "bert_old": {
        "class": "BertTokenizer",
        "vocabulary": BERT,
        "files": {
            "tokenizer_config.json": {"do_lower_case": False, "model_max_length": 512},
            "special_tokens_map.json": {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
                                        "cls_token": "[CLS]", "mask_token": "[MASK]"},
            "added_tokens.json": {"<x>": 500, "</s>": 501},
            "config.json": {**_SEQ2SEQ, "encoder": {"model_type": "bert"}, "decoder": {"model_type": "bert"}},
        },
    },
    "roberta_old": {
        "class": "RobertaTokenizer",
        "vocabulary": BYTES,
        "files": {
            "tokenizer_config.json": {"max_len": 512, "add_prefix_space": True},
            "special_tokens_map.json": {
                "mask_token": {"content": "<mask>", "single_word": False, "lstrip": True, "rstrip": False,
                               "normalized": True},
                "bos_token": "<s>",
            },
            "config.json": {**_SEQ2SEQ, "encoder": {"model_type": "roberta"},
                            "decoder": {"model_type": "gpt2"}},
        },
    },
    "gpt2_old": {
        "class": "GPT2Tokenizer",
        "vocabulary": BYTES,
        "files": {
            "tokenizer_config.json": {"tokenizer_class": "GPT2TokenizerFast", "model_max_length": 1024},
            "added_tokens.json": {"<x>": 420}, "special_tokens_map.json": {"pad_token": "<x>"},
        },
    },
}  # fmt: skip
# Saved by the fast classes: a folder as it is today, and a tokenizer.json alone.
FAST: dict[str, dict[str, Any]] = {
    "bert_fast": {"class": "BertTokenizer", "vocabulary": BERT, "init": {"do_lower_case": False}},
    "roberta_fast": {"class": "RobertaTokenizer", "vocabulary": BYTES, "init": {"add_prefix_space": True}},
    "gpt2_fast": {"class": "GPT2Tokenizer", "vocabulary": BYTES, "init": {"pad_token": "<pad>"}},
}
