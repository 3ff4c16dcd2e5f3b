import os
import stat

from bertgen import BertGenerationConfig, BertGenerationEncoder


def test_weights_are_as_readable_as_their_config(tmp_path):
    config = BertGenerationConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    BertGenerationEncoder(config).save_pretrained(tmp_path)
    modes = {name: stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in os.listdir(tmp_path)}
    assert modes["model.safetensors"] == modes["config.json"]
