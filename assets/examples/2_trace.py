"""Keep all attention of a run, and ask it where each word looked.

python assets/examples/2_trace.py
"""

from pathlib import Path

from bertgen import BertGenerationTokenizer, EncoderDecoderModel, trace_generate

FOLDER = Path(__file__).parents[1] / "checkpoints" / "translate-mini"
model = EncoderDecoderModel.from_pretrained(FOLDER).eval()
tokenizer = BertGenerationTokenizer.from_pretrained(FOLDER)

trace = trace_generate(model, tokenizer, "The cat is sleeping on the sofa.")
print(trace.text)

# Maps are held by name: weights [layers, heads, rows, columns], with the labels of both sides.
for name, attention in trace.maps.items():
    print(f"{name:13} {attention.weights.shape}")

# Row t of a map is the query that predicted target[t]. Here: the mean over all layers and heads.
cross = trace.maps["cross"]
looked = cross.weights.astype("float32").mean(axis=(0, 1))  # [T, S]
for row, piece in zip(looked, trace.target_pieces, strict=True):
    best = int(row.argmax())
    print(f"{piece:>12} looked {row[best]:4.0%} at {trace.source_pieces[best]}")
