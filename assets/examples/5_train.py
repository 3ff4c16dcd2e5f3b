"""Train a small encoder-decoder to write words backwards, in half a minute, with torch alone.

    python assets/examples/5_train.py [STEPS]

Recipes, resuming, scores and model cards are in `python -m bertgen.training`; this is the bare loop.
"""

import random
import sys

import torch

from bertgen import BertGenerationConfig, EncoderDecoderConfig, EncoderDecoderModel

STEPS = int([*sys.argv, "400"][1])
PAD, END, START = 0, 1, 2
LETTERS = "abcdefghijklmnopqrstuvwxyz"
random.seed(0)
torch.manual_seed(0)

sizes = {
    "vocab_size": 3 + len(LETTERS),
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 32,
    "pad_token_id": PAD,
    "eos_token_id": END,
    "bos_token_id": START,
}
encoder = BertGenerationConfig(**sizes)
decoder = BertGenerationConfig(**sizes, is_decoder=True, add_cross_attention=True)
config = EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = START, PAD, END
model = EncoderDecoderModel(config=config)


def ids_of(word: str) -> list[int]:
    return [3 + LETTERS.index(letter) for letter in word] + [END]


def batch_of(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Source and target ids [B, 9] of random words, padded."""
    words = ["".join(random.choices(LETTERS, k=random.randint(3, 8))) for _ in range(size)]
    rows = [(ids_of(word), ids_of(word[::-1])) for word in words]
    return tuple(torch.tensor([row[side] + [PAD] * (9 - len(row[side])) for row in rows]) for side in (0, 1))


optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=STEPS)
model.train()
for step in range(1, STEPS + 1):
    source, target = batch_of(64)
    # Labels of -100 are left out of the mean; the decoder's input is the labels moved right by one.
    labels = target.masked_fill(target == PAD, -100)
    loss = model(input_ids=source, attention_mask=(source != PAD).long(), labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    schedule.step()
    optimiser.zero_grad()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.3f}")

model.eval()
source, target = batch_of(200)
written = model.generate(source, attention_mask=(source != PAD).long(), max_new_tokens=9)[:, 1:]
written = torch.nn.functional.pad(written, (0, 9 - written.shape[1]), value=PAD)
right = (written == target).all(dim=1).float().mean().item()
print(f"written backwards without a mistake: {right:.0%} of 200 new words")
