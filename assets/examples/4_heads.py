"""Which cross-attention head follows the source most evenly? Three numbers a head, from one trace.

python assets/examples/4_heads.py
"""

from pathlib import Path

import numpy as np

from bertgen import BertGenerationTokenizer, EncoderDecoderModel, trace_generate

FOLDER = Path(__file__).parents[1] / "checkpoints" / "translate-mini"
model = EncoderDecoderModel.from_pretrained(FOLDER).eval()
tokenizer = BertGenerationTokenizer.from_pretrained(FOLDER)
trace = trace_generate(model, tokenizer, "Yesterday I read a very interesting book.")

weights = trace.maps["cross"].weights.astype("float64")  # [L, H, T, S]
entropy = -(weights * np.log2(np.maximum(weights, 1e-12))).sum(-1).mean(-1)  # bits, [L, H]
confidence = weights.max(-1).mean(-1)  # share of the most watched token, [L, H]
# How much a head puts on the end token, which says nothing about the sentence.
sink = weights[..., -1].mean(-1)

print("layer head  entropy  confidence  on the end token")
for layer in range(weights.shape[0]):
    for head in range(weights.shape[1]):
        numbers = f"{entropy[layer, head]:7.2f} {confidence[layer, head]:11.0%} {sink[layer, head]:17.0%}"
        print(f"{layer:5} {head:4} {numbers}")
