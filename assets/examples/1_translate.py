"""Translate a sentence with an embedded checkpoint, watching it being written.

python assets/examples/1_translate.py "The cat is sleeping on the sofa."
"""

import sys
from pathlib import Path

from bertgen import BertGenerationTokenizer, EncoderDecoderModel, GenerationConfig, stream_generate

FOLDER = Path(__file__).parents[1] / "checkpoints" / "translate-mini"
text = " ".join(sys.argv[1:]) or "The cat is sleeping on the sofa."

model = EncoderDecoderModel.from_pretrained(FOLDER).eval()
tokenizer = BertGenerationTokenizer.from_pretrained(FOLDER)

# Greedy and streamed: each step brings what its token adds to the text, and how probable the token was.
for step in stream_generate(model, tokenizer, text):
    print(f"{step.text or '(end)':>12}  log-probability {step.logprob:6.2f}")

# Four beams at once; `generate` takes ids and gives ids, in batches too.
batch = tokenizer([text], return_tensors="pt")
settings = GenerationConfig(**{**model.generation_config.to_dict(), "num_beams": 4, "max_new_tokens": 60})
ids = model.generate(**batch, generation_config=settings)
print("beams of 4:", tokenizer.decode(ids[0], skip_special_tokens=True))
