"""The half of decode_speed.py that holds a model: one process an environment, driven over a pipe.

    python decode_worker.py bertgen|transformers

Each line of standard input is a JSON request, each line of standard output its answer.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import torch

# The measured shape: PERFORMANCE's TINY, whose decoder reads 22.9 MB a step in float32.
TINY = {
    "vocab_size": 8000,
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "max_position_embeddings": 512,
}
ENOUGH = 2.0  # spread of the random weights, so that greedy choices do not hang on rounding


def make_tiny(folder: str, pieces: int, seed: int = 0) -> None:
    """Save the TINY checkpoint (transformers writes it): it never ends, and writes only ids below `pieces`.

    The other rows of the vocabulary are computed all the same; so a small tokenizer can name what is written.
    """
    from transformers import BertGenerationConfig, EncoderDecoderConfig, EncoderDecoderModel

    config = EncoderDecoderConfig.from_encoder_decoder_configs(
        BertGenerationConfig(**TINY), BertGenerationConfig(**TINY)
    )
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 0, 1
    model = EncoderDecoderModel(config=config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() == 2:
                spread = 1.0 if "embeddings" in name else ENOUGH / value.shape[1] ** 0.5
                value.copy_(torch.randn(value.shape, generator=generator) * spread)
        bias = model.decoder.lm_head.bias
        bias[pieces:] = -1e4
        bias[:4] = -1e4  # no end, so every run writes the same number of tokens
    model.save_pretrained(folder)


class Bertgen:
    """bertgen as a user calls it."""

    def __init__(self, folder: str, vocabulary: str) -> None:
        import bertgen

        self.library = bertgen
        self.model = bertgen.EncoderDecoderModel.from_pretrained(folder)
        self.tokenizer = bertgen.BertGenerationTokenizer(vocabulary, clean_up_tokenization_spaces=False)

    def stream(self, text: str, options: dict[str, Any]) -> tuple[list[list[int]], float]:
        """Through the generator, with capture; (ids, seconds to the first token)."""
        config = self.library.GenerationConfig(**{**self.model.generation_config.to_dict(), **options})
        started, first = time.perf_counter(), None
        stream = self.library.stream_generate(self.model, self.tokenizer, text, config)
        for _ in stream:
            first = first or time.perf_counter() - started
        return [stream.trace.target_ids.tolist()], first or 0.0


class Transformers:
    """transformers 4.37.2 as a user calls it."""

    def __init__(self, folder: str, vocabulary: str) -> None:
        import transformers

        transformers.logging.set_verbosity_error()
        self.library = transformers
        self.model = transformers.EncoderDecoderModel.from_pretrained(folder)
        self.tokenizer = transformers.BertGenerationTokenizer(vocabulary, clean_up_tokenization_spaces=False)

    def stream(self, text: str, options: dict[str, Any]) -> tuple[list[list[int]], float]:
        """Through its TextIteratorStreamer, generate in a thread, attentions returned."""
        streamer = self.library.TextIteratorStreamer(self.tokenizer, skip_special_tokens=True)
        ids = self.tokenizer(text, return_tensors="pt").input_ids
        found: list[Any] = []
        wanted = {"output_attentions": True, "return_dict_in_generate": True}

        def work() -> None:
            found.append(self.model.generate(ids, streamer=streamer, **wanted, **options).sequences)

        started, first = time.perf_counter(), None
        thread = Thread(target=work)
        thread.start()
        for part in streamer:
            if first is None and part:
                first = time.perf_counter() - started
        thread.join()
        return [found[0][0, 1:].tolist()], first or 0.0


def run(side: Any, request: dict[str, Any]) -> dict[str, Any]:
    """One timed run over all texts: seconds by both clocks, ids without the start token, first token."""
    texts, options = request["texts"], dict(request["options"])
    batch = side.tokenizer(texts, return_tensors="pt", padding=True) if request["mode"] == "batch" else None
    ids, firsts = [], []
    started, used = time.perf_counter(), time.process_time()
    if batch is not None:
        output = side.model.generate(batch["input_ids"], attention_mask=batch["attention_mask"], **options)
        ids = output[:, 1:].tolist()
    else:
        for text in texts:
            if request["mode"] == "stream":
                found, first = side.stream(text, options)
                firsts.append(first)
            else:
                source = side.tokenizer(text, return_tensors="pt")["input_ids"]
                output = side.model.generate(source, **options)
                sequences = output if isinstance(output, torch.Tensor) else output.sequences
                found = sequences[:, 1:].tolist()
            ids += found
    times = {"wall": time.perf_counter() - started, "cpu": time.process_time() - used}
    return {**times, "ids": ids, "first": sum(firsts) / len(firsts) if firsts else None}


def main() -> None:
    sides = {"bertgen": Bertgen, "transformers": Transformers}
    side: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "make":
            make_tiny(request["folder"], request["pieces"])
            answer: dict[str, Any] = {}
        elif request["do"] == "load":
            torch.set_num_threads(request["threads"])
            side = sides[sys.argv[1]](request["folder"], request["vocabulary"])
            version = getattr(side.library, "__version__", Path(side.library.__file__).parent.name)
            answer = {"library": version, "torch": torch.__version__}
        else:
            with torch.inference_mode():
                answer = run(side, request)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
