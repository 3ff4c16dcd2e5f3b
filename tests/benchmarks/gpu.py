"""Is bertgen right on a GPU, and how fast: everything in one go, as JSON and as a table.

    python tests/benchmarks/gpu.py --device cuda --out gpu-tables

Parity first: every embedded checkpoint answers on the device as on the CPU in float32 (ids equal, log-
probabilities and attention within the tolerance), greedily, in beams, in a batch and streamed; a training
step gives the same loss and gradients. Then speed: milliseconds a token of TINY and LARGE in float32,
float16 and bfloat16, greedy, beams of 4, batches, with and without attentions, beside transformers where it
is installed (its version is printed) and beside the time that reading the decoder's weights once takes.
`--device cpu --small` runs the same logic where there is no GPU; a unit test does that.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import bertgen  # noqa: E402 (the copy beside this file, not an installed one)

CHECKPOINTS = ROOT / "assets" / "checkpoints"
SENTENCES = [
    "The cat is sleeping on the sofa.",
    "If it rains tomorrow, we will stay at home.",
    "My brother, who lives in Berlin, does not like getting up early.",
    "Yesterday I read a very interesting book.",
]
# Name, then vocabulary, width, layers a side, heads, source ids, new tokens.
SHAPES = {"TINY": (8000, 256, 4, 4, 32, 64), "LARGE": (50358, 1024, 24, 16, 128, 32)}
SMALL = {"TINY": (120, 32, 2, 2, 8, 6)}
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# Sums of float32 in another order: a log-probability of -10 moves in the fifth digit.
TOLERANCE = 2e-3


def random_pair(shape: tuple[int, ...], seed: int = 0) -> bertgen.EncoderDecoderModel:
    """A random encoder-decoder that never writes its end token."""
    vocabulary, width, layers, heads, _, _ = shape
    sizes = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
    }
    encoder = bertgen.BertGenerationConfig(**sizes)
    decoder = bertgen.BertGenerationConfig(**sizes, is_decoder=True, add_cross_attention=True)
    config = bertgen.EncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 0, 1
    torch.manual_seed(seed)
    model = bertgen.EncoderDecoderModel(config=config)
    with torch.no_grad():
        model.decoder.lm_head.bias[:4] = -1e4
    return model.eval()


def wait_for(device: torch.device) -> None:
    """Waits until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def parity_of(folder: Path, device: torch.device) -> list[dict[str, Any]]:
    """One checkpoint on the device beside the CPU: a row a way of decoding."""
    here = bertgen.EncoderDecoderModel.from_pretrained(folder).eval()
    there = bertgen.EncoderDecoderModel.from_pretrained(folder).eval().to(device)
    tokenizer = bertgen.BertGenerationTokenizer.from_pretrained(folder)
    batch = tokenizer(SENTENCES, return_tensors="pt", padding=True)
    rows = []
    for name, options in {"greedy": {}, "beam 4": {"num_beams": 4}}.items():
        options = {"max_new_tokens": 40, **options}
        expected = here.generate(batch.input_ids, attention_mask=batch.attention_mask, **options)
        got = there.generate(
            batch.input_ids.to(device), attention_mask=batch.attention_mask.to(device), **options
        )
        rows.append({"checkpoint": folder.name, "way": f"batch, {name}", "equal": ids_equal(expected, got)})
        for sentence in SENTENCES[:2]:
            row = stream_parity(here, there, tokenizer, sentence, options)
            rows.append({"checkpoint": folder.name, **row})
    return rows


def ids_equal(expected: torch.Tensor, got: torch.Tensor) -> bool:
    return expected.tolist() == got.cpu().tolist()


def stream_parity(
    here: Any, there: Any, tokenizer: Any, text: str, options: dict[str, Any]
) -> dict[str, Any]:
    """A streamed run on both: ids, and the largest differences of its numbers."""
    traces = []
    for model in (here, there):
        config = bertgen.GenerationConfig(**{**model.generation_config.to_dict(), **options})
        traces.append(bertgen.trace_generate(model, tokenizer, text, config))
    cpu, gpu = traces
    same = cpu.target_ids.tolist() == gpu.target_ids.tolist()
    row: dict[str, Any] = {"way": f"streamed, beams {options.get('num_beams', 1)}", "equal": same}
    if same:
        row["logprobs"] = float(abs(cpu.logprobs - gpu.logprobs).max())
        row["cross"] = float(abs(cpu.cross.astype("float32") - gpu.cross.astype("float32")).max())
        row["equal"] = max(row["logprobs"], row["cross"]) < TOLERANCE
    return row


def training_parity(shape: tuple[int, ...], device: torch.device) -> dict[str, Any]:
    """Loss and gradients of one training step (no dropout) on both."""
    results = []
    for where in (torch.device("cpu"), device):
        model = random_pair(shape).to(where)
        generator = torch.Generator().manual_seed(1)
        ids = torch.randint(4, shape[0], (4, 9), generator=generator).to(where)
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        norm = torch.stack([p.grad.detach().norm() for p in model.parameters() if p.grad is not None]).norm()
        results.append((loss.item(), norm.item()))
    (loss, norm), (other_loss, other_norm) = results
    return {
        "way": "training step",
        "equal": abs(loss - other_loss) < 1e-4,
        "loss": abs(loss - other_loss),
        "gradient": abs(norm - other_norm) / norm,
    }


def time_of(call: Callable[[], Any], device: torch.device, rounds: int) -> float:
    """Median seconds of a call that has run once before."""
    call()
    wait_for(device)
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        wait_for(device)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def decoder_bytes(model: Any) -> int:
    """What one decoded token reads at batch 1: the decoder's weights, without its table of words."""
    words = model.decoder.get_input_embeddings().weight
    head = model.decoder.get_output_embeddings().weight
    read = {id(p): p.numel() * p.element_size() for p in model.decoder.parameters()}
    if words is not head:
        read.pop(id(words), None)
    return sum(read.values())


def bandwidth(device: torch.device, size: int = 1 << 30) -> float:
    """Bytes a second that the device reads, by summing a large buffer."""
    buffer = torch.ones(size // 4, device=device)
    return size / time_of(lambda: buffer.sum(), device, 5)


def peer_of(shape: tuple[int, ...], model: Any) -> Any | None:
    """The same weights in transformers, where it is installed."""
    try:
        import transformers
    except ImportError:
        return None
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.BertGenerationConfig(**model.config.encoder.to_dict()),
        transformers.BertGenerationConfig(**model.config.decoder.to_dict()),
    )
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 2, 0, 1
    peer = transformers.EncoderDecoderModel(config=config)
    peer.load_state_dict(model.state_dict(), strict=False)
    return peer.eval()


def speed_of(
    name: str,
    shape: tuple[int, ...],
    device: torch.device,
    rounds: int,
    batches: tuple[int, ...],
    stop: float,
) -> list[dict[str, Any]]:
    """Milliseconds a token of one shape, a row a type and way; begins nothing after `stop` (monotonic)."""
    original = random_pair(shape)
    original_peer = peer_of(shape, original)
    limit = bandwidth(device, 1 << 20 if device.type == "cpu" else 1 << 30)
    _, _, _, _, source, new = shape
    rows: list[dict[str, Any]] = []
    for dtype_name, dtype in DTYPES.items():
        if device.type == "cpu" and dtype is torch.float16:
            continue
        model = copy.deepcopy(original).to(device, dtype)
        peer = copy.deepcopy(original_peer)
        if peer is not None:
            peer = peer.to(device, dtype)
        floor = decoder_bytes(model) / limit
        generator = torch.Generator().manual_seed(2)
        ids = torch.randint(4, shape[0], (max(batches), source), generator=generator).to(device)
        ways: list[tuple[str, int, dict[str, Any]]] = [(f"batch {count}", count, {}) for count in batches]
        kept = {"output_attentions": True, "return_dict_in_generate": True}
        ways += [("batch 1, attentions", 1, kept), ("beam 4", 1, {"num_beams": 4})]
        for way, count, options in ways:
            if time.monotonic() > stop:
                return rows
            run = {"max_new_tokens": new, "min_new_tokens": new, **options}
            inputs = ids[:count]
            seconds = time_of(lambda i=inputs, r=run, m=model: m.generate(i, **r), device, rounds)
            row = {"shape": name, "dtype": dtype_name, "way": way, "ms_a_token": 1e3 * seconds / new / count}
            row["of_the_limit"] = floor * new / seconds
            if peer is not None and way in ("batch 1", "batch 1, attentions", "beam 4", "batch 32"):
                other = time_of(lambda i=inputs, r=run, m=peer: m.generate(i, **r), device, rounds)
                row["peer_ms_a_token"] = 1e3 * other / new / count
                row["ratio"] = other / seconds
            rows.append(row)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Rows of one kind as Markdown."""
    if not rows:
        return "(none)\n"
    names = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in rows:
        cells = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in (row.get(key, "") for key in names)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def measure(device: torch.device, small: bool, seconds: float) -> dict[str, Any]:
    """All of it. `small`: tiny shapes and one checkpoint, to try the logic."""
    stop = time.monotonic() + seconds
    names = sorted(path.name for path in CHECKPOINTS.iterdir() if (path / "config.json").exists())
    shapes = SHAPES
    if small:
        names, shapes = names[:1], SMALL
    report: dict[str, Any] = {"torch": torch.__version__, "device": str(device)}
    if device.type == "cuda":
        report["device"] = torch.cuda.get_device_name(device)
    try:
        import transformers

        report["peer"] = f"transformers {transformers.__version__}"
    except ImportError:
        report["peer"] = "none"
    report["parity"] = [row for name in names for row in parity_of(CHECKPOINTS / name, device)]
    report["parity"].append(training_parity(SMALL["TINY"], device))
    report["speed"] = []
    batches = (1, 2) if small else (1, 8, 32, 128)
    for name, shape in shapes.items():
        report["speed"] += speed_of(name, shape, device, 1 if small else 3, batches, stop)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny shapes and one checkpoint")
    parser.add_argument("--seconds", type=float, default=400, help="begin no measurement after so long")
    parser.add_argument("--out", type=Path, default=Path("gpu-tables"))
    arguments = parser.parse_args()
    report = measure(torch.device(arguments.device), arguments.small, arguments.seconds)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "gpu.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    text = f"{report['device']}, torch {report['torch']}, beside {report['peer']}\n\n"
    text += f"Parity with the CPU\n\n{table(report['parity'])}\nSpeed\n\n{table(report['speed'])}"
    (arguments.out / "gpu.md").write_text(text, encoding="utf-8")
    print(text)
    if not all(row["equal"] for row in report["parity"]):
        raise SystemExit("the device does not answer as the CPU does")


if __name__ == "__main__":
    main()
