"""What from_pretrained and resizing refuse, and with which words."""

from __future__ import annotations

import pytest

from bertgen import BertGenerationDecoder, BertGenerationEncoder


@pytest.mark.parametrize("kind", [BertGenerationDecoder, BertGenerationEncoder])
def test_one_side_does_not_load_both(make_model, tmp_path, kind):
    """The sentence names the class that does."""
    make_model().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="EncoderDecoderModel"):
        kind.from_pretrained(tmp_path)
