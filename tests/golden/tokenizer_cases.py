"""What is asked of the tokenizers: texts, tokenizers and calls, as plain data.

`{"added": {...}}` stands for an AddedToken and `{"text": [part, times]}` for a repeated text, so that
all of it fits into JSON.
"""

from __future__ import annotations

from typing import Any

TEXTS: list[Any] = [
    "",
    " ",
    "   ",
    "\n",
    "a",
    "Hello World!",
    "  leading and trailing  ",
    "two  spaces\tand a tab\nand a line\r\nand more",
    "The sofa, which was red, wasn't there.",
    "don't won't I'm he's they've we're ' quoted ' and ... !? , .",
    "Straße, Äpfel, Übergrößenträger, ß ẞ",
    "naïve café — “quoted” ‘single’ … ½ ² ﬁ ﬂ Ⅷ ①",
    "Ａｂｃ　ｆｕｌｌｗｉｄｔｈ　１２３",
    "e\u0301 a\u0308 n\u0303 \u0301 o\u0302\u0323 \u0323\u0302",
    "\u1e9b\u0323 \ufb03 \u212b \u2126 \ud55c\uae00 \u1112\u1161\u11ab",
    "😀",
    "😀😃 x😀y 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 ❤️",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠜎 🀄",
    "日本語のテキスト。中文，句号。한국어 문장.",
    "مرحبا بالعالم، كيف الحال؟ שלום עולם",
    "abc \u202eright to left\u202c \u2067isolate\u2069 \u200fmark\u200e",
    "zero\u200bwidth\u200cnon\u200djoiner\ufeffbom\u2060word\u00adsoft",
    "nul\x00byte \x01\x02 bell\x07 esc\x1b[0m del\x7f c1\x85\x9f",
    "\u00a0nbsp\u2009thin\u3000ideographic\u2028line\u2029paragraph\u1680",
    "\ufffd replacement \uffff \ufdd0 nonchars \U0010ffff",
    "▁already ▁▁ marked ▁",
    "<s>", "</s>", "<pad><unk><::::>", "<s>hello</s>", " <s> hello </s> ",
    "Hello</s>there <::::> you<pad> and<unk>me <s><s>", "<s>\n</s>\t<pad>",
    "< s> <S> </S> <UNK> <pad <<s>> <:::::>", "&lt;s&gt; [CLS] [SEP] [MASK] ##ing Ġword <0xE2> <0x0A>",
    "http://example.org/a?b=c&d=%20#e user@example.org C:\\path\\file.txt $x_1^2$",
    "3.14159 1,000,000 1e-5 0xFF 2026-11-23 12:34:56 +49 30 123456",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "()[]{}<>!\"#$%&'*+,-./:;=?@\\^_`|~", ".", " .", "..", "-", "'",
    "MiXeD CaSe HTML <b>bold</b> &amp;", "q̈ z̈ ҉ Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤a̴̡̢l̸g̵o̶",
    {"text": ["The house is small. ", 120]}, {"text": ["😀", 150]}, {"text": ["</s>x", 60]},
    {"text": [" ", 500]},
]  # fmt: skip

PAIR = ["The sofa is red.", "Das Sofa ist rot und steht im Haus."]
BATCH = ["Hello", "The house is small.", "", "😀"]


def call(method: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"method": method, "args": list(args), "kwargs": kwargs}


CALLS = [
    call("__call__", PAIR[0]),
    call("__call__", PAIR[0], return_tensors="pt"),
    call("__call__", PAIR[0], return_tensors="np"),
    call("__call__", *PAIR),
    call("__call__", *PAIR, return_token_type_ids=True, return_special_tokens_mask=True, return_length=True),
    call("__call__", PAIR[0], text_target=PAIR[1]),
    call("__call__", text_target=PAIR[1]),
    call("__call__", PAIR, text_target=PAIR, padding=True, return_tensors="pt"),
    call("__call__", BATCH),
    call("__call__", BATCH, padding=True),
    call("__call__", BATCH, padding="longest", return_tensors="np"),
    call("__call__", BATCH, padding="max_length", max_length=9, truncation=True, return_tensors="pt"),
    call("__call__", BATCH, padding="max_length", max_length=3),
    call("__call__", BATCH, padding=True, max_length=3),
    call("__call__", BATCH, padding=True, pad_to_multiple_of=8),
    call("__call__", BATCH, padding="max_length", max_length=12, pad_to_multiple_of=8),
    call("__call__", BATCH, padding=True, truncation=True, max_length=7, pad_to_multiple_of=4),
    call("__call__", BATCH, max_length=4),
    call("__call__", BATCH, truncation=True),
    call("__call__", BATCH, padding="max_length"),
    call("__call__", BATCH, return_tensors="pt"),
    call("__call__", ["a", "The house"], return_tensors="np", return_attention_mask=False),
    call("__call__", BATCH, return_attention_mask=False, padding=True),
    call("__call__", BATCH, return_token_type_ids=True, padding=True, return_special_tokens_mask=True),
    call("__call__", BATCH, return_length=True, return_overflowing_tokens=True, truncation=True,
         max_length=4),
    call("__call__", BATCH, BATCH[::-1], padding=True),
    call("__call__", BATCH, BATCH[:2]),
    call("__call__", BATCH, "one text"),
    call("__call__", BATCH, BATCH, truncation="only_second", max_length=8, stride=2),
    call("__call__", *PAIR, truncation=True, max_length=10),
    call("__call__", *PAIR[::-1], truncation=True, max_length=11),
    call("__call__", *PAIR, truncation="only_first", max_length=12),
    call("__call__", *PAIR, truncation="only_second", max_length=12,
         return_overflowing_tokens=True, stride=3),
    call("__call__", *PAIR, truncation="only_first", max_length=3),
    call("__call__", *PAIR, truncation="only_second", max_length=3),
    call("__call__", *PAIR, truncation="longest_first", max_length=10, return_overflowing_tokens=True),
    call("__call__", PAIR[1], truncation=True, max_length=5, return_overflowing_tokens=True, stride=2),
    call("__call__", PAIR[1], truncation="only_second", max_length=5),
    call("__call__", PAIR[1], truncation=True, max_length=0),
    call("__call__", "", padding="max_length", max_length=4),
    call("__call__", "", return_attention_mask=False),
    call("__call__", [""], padding="max_length", max_length=4),
    call("__call__", PAIR[0].split(), is_split_into_words=True),
    call("__call__", [s.split() for s in PAIR], is_split_into_words=True, padding=True),
    call("__call__", PAIR[0].split(), PAIR[1].split(), is_split_into_words=True),
    call("__call__", [], is_split_into_words=True),
    call("__call__", PAIR[0], add_special_tokens=False),
    call("__call__", PAIR[0], add_special_tokens=False, return_token_type_ids=True),
    call("__call__", "a<s>b</s> c", split_special_tokens=True),
    call("__call__", "a", no_such_argument=1),
    call("__call__"), call("__call__", 5), call("__call__", [5]), call("__call__", [[5]]),
    call("__call__", []),
    call("__call__", "a", padding="no such"), call("__call__", "a", truncation="no such"),
    call("__call__", "a", return_tensors="no such"), call("__call__", "a", return_offsets_mapping=True),
    call("__call__", BATCH, padding=True, truncation=True, max_length=7, pad_to_multiple_of=3),
    call("encode", PAIR[0]), call("encode", *PAIR), call("encode", [5, 6, 7]),
    call("encode", ["▁a", "b", "no"]),
    call("encode", PAIR[0], return_tensors="pt"), call("encode", PAIR[0], max_length=3, truncation=True),
    call("encode", PAIR[0], padding="max_length", max_length=16), call("encode", []),
    call("encode_plus", [5, 6, 7], [8, 9], truncation=True, max_length=4, return_tensors="np"),
    call("encode_plus", PAIR[0], pad_to_max_length=True, max_length=16),
    call("batch_encode_plus", [[5, 6, 7], [8]], padding=True), call("batch_encode_plus", [PAIR, PAIR[::-1]]),
    call("batch_encode_plus", BATCH, padding=True, truncation_strategy="longest_first", max_length=4),
    call("prepare_for_model", [5, 6, 7, 8], [9, 10], truncation="only_first", max_length=4,
         padding="max_length"),
    call("prepare_for_model", [5, 6, 7, 8], padding="max_length", max_length=6, return_tensors="pt"),
    call("pad", {"input_ids": [5, 6, 7]}, padding="max_length", max_length=5),
    call("pad", {"input_ids": [[5, 6, 7], [8]], "labels": [[1], [2]]}, return_tensors="pt"),
    call("pad", [{"input_ids": [5, 6, 7], "attention_mask": [1, 1, 0]}, {"input_ids": [8],
         "attention_mask": [1]}]),
    call("pad", {"input_ids": []}), call("pad", {"labels": [1]}),
    call("pad", {"input_ids": [[5], [6, 7]]}, False),
    call("pad", {"input_ids": [[5], [6, 7]], "token_type_ids": [[0], [0, 1]]}, pad_to_multiple_of=4),
    call("pad", {"input_ids": [[5], [6, 7]], "token_type_ids": [[0]]}),
    call("decode", []), call("decode", [5, 6, 7, 8]), call("decode", [0, 1, 2, 3, 4]),
    call("decode", [10**6]),
    call("decode", [-1]), call("decode", [0, 5, 1, 6, 2, 7], skip_special_tokens=True),
    call("batch_decode", [[5, 6], [], [7, 0, 0]], skip_special_tokens=True),
    call("convert_ids_to_tokens", 5), call("convert_ids_to_tokens", [0, 5, 1, 6], skip_special_tokens=True),
    call("convert_ids_to_tokens", 10**6), call("convert_tokens_to_ids", "<s>"),
    call("convert_tokens_to_ids", ["</s>", "▁", "no such token", "<::::>"]),
    call("convert_tokens_to_ids", None),
    call("convert_tokens_to_string", ["▁The", "▁", "so", "</s>", "▁fa", "x"]),
    call("build_inputs_with_special_tokens", [5, 6], [7]), call("get_special_tokens_mask", [0, 5, 1]),
    call("get_special_tokens_mask", [0, 5, 1], already_has_special_tokens=True),
    call("get_special_tokens_mask", [0], [1], already_has_special_tokens=True),
    call("create_token_type_ids_from_sequences", [5, 6], [7]), call("num_special_tokens_to_add", True),
    call("truncate_sequences", [5, 6, 7, 8], [9], 2, "longest_first"),
    call("add_special_tokens", {"no_such_token": "x"}), call("add_tokens", [5]),
    call("clean_up_tokenization", "a . b ? c ! d , e ' f n't 'm 's 've 're  . ' n't ' ."),
]  # fmt: skip

EXTRA = [  # texts for the tokenizers with added tokens
    "new word newword new", "a new b", "new", "xnewx", "foo bar", "foobar  foo", "a <left> b", "a <right> b",
    "a  <both>  b", "<both>", "one<single>two", "one <single> two", "<single>", "<single>x", "x<single>",
    "a <x> b <x>",
    "new <x> new", "<s>new</s> <x>new . new 's", "<left><right><both>", "NEW New", "newer newest",
]  # fmt: skip


def added(content: str, **fields: Any) -> dict[str, Any]:
    return {"added": {"content": content, **fields}}


ADDED_STEPS = [
    call("add_tokens", ["new", "newer", added("<left>", lstrip=True), added("<right>", rstrip=True)]),
    call("add_tokens", [added("<both>", lstrip=True, rstrip=True), added("<single>", single_word=True)]),
    call("add_tokens", "new"),
    call("add_tokens", ["</s>", "▁The", ""]),
    call("add_special_tokens", {"additional_special_tokens": ["<x>", "<y>"], "cls_token": "<cls>"}),
    call(
        "add_special_tokens", {"additional_special_tokens": ["<z>"]}, replace_additional_special_tokens=False
    ),
    call("add_special_tokens", {"mask_token": added("<mask>", lstrip=True, special=True)}),
    call("add_tokens", ["<w>"], special_tokens=True),
]

# name -> which model file, constructor arguments, steps after it, extra texts, whether all CALLS are made
BUILDS: dict[str, dict[str, Any]] = {
    "bytes": {"model": "bytes", "calls": True},
    "plain": {"model": "plain", "calls": True},
    "plain_left": {
        "model": "plain",
        "init": {"padding_side": "left", "truncation_side": "left", "model_max_length": 10},
        "calls": True,
    },
    "raw_text": {
        "model": "bytes",
        "init": {"clean_up_tokenization_spaces": False, "model_max_length": 128, "pad_token": "</s>"},
    },
    "bytes_added": {"model": "bytes", "steps": ADDED_STEPS, "texts": EXTRA},
    "plain_added": {"model": "plain", "steps": ADDED_STEPS, "texts": EXTRA},
    "renamed": {
        "model": "plain",
        "init": {
            "bos_token": "[BOS]", "unk_token": "[UNK]", "sep_token": added("[SEP]", lstrip=True),
            "mask_token": "new",
            "additional_special_tokens": ["<e1>", "<e2>"], "some_note": [1, {"a": 2}],
        },
        "texts": [*EXTRA, "[BOS] a <s> b [UNK] <e1>c <e2>", "☃ [SEP] ☃", "<s> <unk>"],
    },
}  # fmt: skip

# Folders as older or other versions wrote them: file name -> content; the model file is added.
_OLD_SPECIAL = {
    "bos_token": "<s>",
    "eos_token": {"content": "</s>", "single_word": False, "lstrip": False, "rstrip": True,
                                      "normalized": True},
    "additional_special_tokens": ["<x>", {"content": "<y>", "single_word": False, "lstrip": True,
                                          "rstrip": False,
                                          "normalized": False}],
}  # fmt: skip
FOLDERS: dict[str, dict[str, Any]] = {
    "alone": {"model": "plain", "files": {}},
    "old_special": {"model": "plain", "files": {"special_tokens_map.json": _OLD_SPECIAL}},
    "old_added": {
        "model": "plain",
        "files": {
            "special_tokens_map.json": {"bos_token": "<s>", "pad_token": "<pad>", "sep_token": "<::::>"},
            "added_tokens.json": {"<::::>": 300, "<pad>": 301, "new": 302},
            "tokenizer_config.json": {"do_lower_case": False, "model_max_length": 512, "unk_token": "<unk>"},
        },
    },
    "typed": {
        "model": "plain",
        "files": {
            "tokenizer_config.json": {
                "bos_token": {"__type": "AddedToken", "content": "<s>", "lstrip": True, "rstrip": False,
                              "single_word": False, "normalized": True},
                "tokenizer_class": "BertGenerationTokenizer",
                "sp_model_kwargs": {},
            }
        },
    },
}  # fmt: skip
