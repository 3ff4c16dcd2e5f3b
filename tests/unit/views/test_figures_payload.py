"""The wire format: what the browser gets is what the trace holds."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from components.views import palette
from components.views.contract import plain, read_run, to_json
from components.views.finished import finished_run, packed_bytes
from components.views.lines import sentencepiece_surface, side_label, source_line, spelled, word_label
from components.views.packing import pack_u16, thumbnails, unpack_u16
from tests.unit.views.figures_traces import make_trace

ROOT = Path(__file__).parents[3]


def surfaces(pieces: list[str]):
    return [sentencepiece_surface(piece) for piece in pieces]


def test_packing_keeps_16_bits():
    values = np.random.default_rng(0).random((2, 3, 4, 5)).astype(np.float16)
    packed = pack_u16(values)
    assert packed["shape"] == [2, 3, 4, 5]
    np.testing.assert_allclose(unpack_u16(packed), values.astype(np.float32), atol=0.5 / 65535 + 1e-7)
    assert unpack_u16(pack_u16(np.array([0.0, 1.0]))).tolist() == [0.0, 1.0]
    uniform = unpack_u16(pack_u16(np.full((1, 512), 1 / 512)))
    assert abs(uniform.sum() - 1) < 4e-3


def test_a_value_out_of_range_is_clipped_not_wrapped():
    assert unpack_u16(pack_u16(np.array([-0.1, 1.001]))).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("piece", "starts", "label"),
    [
        ("▁The", True, "The"),
        ("ze", False, "·ze"),
        (".", False, "."),
        ("▁", True, "␣"),
        ("<0xC3>", False, "xC3"),
        ("<0x0A>", False, "x0A"),
        *((f"<0x{ord(char):02X}>", False, char) for char in "<>&*{"),
        ("</s>", True, "</s>"),
        ("<unk>", False, "<unk>"),
    ],
)
def test_piece_labels(piece, starts, label):
    assert side_label(sentencepiece_surface(piece), starts) == label


def test_words_join_without_gaps_and_bytes_become_characters():
    assert word_label(surfaces(["▁schläf", "t"])) == "schläft"
    assert word_label(surfaces(["▁", "<0xE2>", "<0x82>", "<0xAC>"])) == "€"
    assert word_label(surfaces(["<0xE2>"])) == "�"
    assert word_label(surfaces(["</s>"])) == "</s>"


def test_letters_made_of_bytes_are_spelled_once():
    pieces = ["▁", "<0xC3>", "<0xA9>", "s", "<0xC3>", "<0x41>", "<0xE6>", "<0x97>"]
    assert spelled(surfaces(pieces)) == ["", "é", "", "s", "xC3", "A", "xE6", "x97"]


def test_a_special_token_is_a_word_of_its_own():
    line = source_line([5, 6, 1, 7], surfaces(["▁Kat", "ze", "</s>", "▁x"]), [0, 0, 0, 1])
    assert line.words == (0, 0, 1, 2)
    assert line.word_labels == ("Katze", "</s>", "x")
    assert line.labels == ("Kat", "·ze", "</s>", "x")
    assert [token.special for token in line.tokens] == [False, False, True, False]
    assert [token.label for token in line.tokens] == ["Kat", "ze", "</s>", "x"]
    assert [token.gap for token in line.tokens] == [True, False, True, True]


def test_a_payload_is_json_and_holds_the_arrays():
    cross = np.array([[[[0.25, 0.75], [1.0, 0.0]]]], dtype=np.float16)
    trace = make_trace(
        ["▁The", "▁cat"], ["▁Katze", "</s>"], {"source": [0, 1], "target": [0, 1]}, cross=cross
    )
    run = finished_run(trace)
    sent = json.loads(to_json(run))
    assert sent == plain(run)
    assert sent["maps"]["cross"]["rows"] == "target"
    assert sent["maps"]["cross"]["columns"] == "source"
    np.testing.assert_allclose(unpack_u16(sent["maps"]["cross"]), cross, atol=1e-4)
    assert "encoder_self" not in sent["maps"]
    assert sent["target"]["tokens"][0]["alternatives"] == [
        {"id": 7, "label": "Kat", "logprob": -0.7},
        {"id": 8, "label": "ze", "logprob": None},
    ]
    assert sent["start"]["piece"] == sent["start"]["label"] == "<s>"
    assert sent["settings"] == {"mode": "greedy", "num_beams": 1}
    assert packed_bytes(trace) == 2 * 4
    assert read_run(to_json(run)) == run


def test_the_browser_has_the_same_colours():
    script = (ROOT / "components" / "widgets" / "shared.js").read_text(encoding="utf-8")
    for theme, dark in (("light", False), ("dark", True)):
        block = re.search(rf"{theme}: \[(.*?)\]", script, re.S).group(1)
        assert re.findall(r"#[0-9a-f]{6}", block) == palette.stops(dark)


def test_thumbnails_keep_the_sharpest_weight_and_add_the_means():
    weights = np.zeros((2, 1, 40, 3), dtype=np.float16)
    weights[0, 0, 39, 2], weights[1, 0, 0, 0] = 1, 0.5
    tiles = thumbnails(weights)
    assert tiles.shape == (3, 2, 16, 3)
    assert tiles[0, 0, 15, 2] == 1
    assert tiles[0, 0].sum() == 1
    assert tiles[1, 1, 0, 0] == 0.5, "the last column is the mean of heads"
    assert tiles[2, 1, 0, 0] == 0.25, "the last row is the mean of layers"


def test_a_large_run_is_sent_without_its_weights():
    cross = np.full((2, 3, 40, 30), 1 / 30, dtype=np.float16)
    words = {"source": list(range(30)), "target": list(range(40))}
    trace = make_trace(["▁a"] * 30, ["▁b"] * 40, words, cross=cross)
    sent = json.loads(to_json(finished_run(trace, amount="tiles")))["maps"]["cross"]
    assert sent["shape"] == [2, 3, 40, 30]
    assert sent["tiles"]["shape"] == [3, 4, 16, 16]
    assert "u16" not in sent


def luminance(colour: str) -> float:
    linear = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in linear]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("dark", [False, True])
def test_the_map_reads_in_greyscale(dark):
    grey = np.array([luminance(colour) ** (1 / 3) for colour in palette.stops(dark)])  # about CIE L*
    steps = np.diff(grey) * (1 if dark else -1)
    assert (steps > 0).all(), "every step must go on getting lighter or darker"
    assert steps.max() < 2.6 * np.median(steps), "steps must be about even"


def test_the_vendored_plotly_is_the_one_described():
    script = (ROOT / "assets" / "vendor" / "plotly-cartesian-4.1.1.min.js").read_bytes()
    notes = (ROOT / "assets" / "vendor" / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(script).hexdigest() in notes
    assert (ROOT / "assets" / "vendor" / "plotly-LICENSE.txt").is_file()
