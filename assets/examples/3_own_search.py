"""A search of one's own: greedy by hand, with the cache, and then one that never writes a chosen word.

python assets/examples/3_own_search.py
"""

from pathlib import Path

import torch

from bertgen import BertGenerationTokenizer, EncoderDecoderModel

FOLDER = Path(__file__).parents[1] / "checkpoints" / "translate-mini"
model = EncoderDecoderModel.from_pretrained(FOLDER).eval()
tokenizer = BertGenerationTokenizer.from_pretrained(FOLDER)


def write(text: str, banned: tuple[int, ...] = (), longest: int = 40) -> str:
    """Greedy search that never takes a banned id."""
    batch = tokenizer([text], return_tensors="pt")
    encoded = model.get_encoder()(**batch)
    start = model.config.decoder_start_token_id or model.generation_config.decoder_start_token_id
    ids = torch.tensor([[start]])
    cache = None
    for _ in range(longest):
        # With a cache only the newest token is fed; keys and values of the others are kept.
        output = model(
            encoder_outputs=encoded,
            attention_mask=batch.attention_mask,
            decoder_input_ids=ids[:, -1:],
            past_key_values=cache,
            use_cache=True,
        )
        cache = output.past_key_values
        logits = output.logits[0, -1]
        logits[list(banned)] = -torch.inf
        token = int(logits.argmax())
        ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
        if token == model.generation_config.eos_token_id:
            break
    return tokenizer.decode(ids[0], skip_special_tokens=True)


with torch.inference_mode():
    plain = write("The cat is sleeping on the sofa.")
    print("greedy:           ", plain)
    first = tokenizer(plain).input_ids[0]
    print(
        f"without {tokenizer.convert_ids_to_tokens(first)!r}:",
        write("The cat is sleeping on the sofa.", (first,)),
    )
