"""Train, export and evaluate small BertGeneration encoder-decoders (python -m bertgen.training --help)."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# glibc gives large buffers back to the kernel and asks for them again a moment later: half a step's time.
ALLOCATORS = ("libtcmalloc.so.4", "libtcmalloc_minimal.so.4", "libjemalloc.so.2")
LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")


def use_fast_allocator() -> None:
    """Start this program again with tcmalloc or jemalloc where one is installed; do nothing where none is."""
    if "LD_PRELOAD" in os.environ or not sys.platform.startswith("linux"):
        return
    found = [Path(folder, name) for name in ALLOCATORS for folder in LIBRARY_FOLDERS]
    library = next((path for path in found if path.exists()), None)
    if library is not None:
        environment = {**os.environ, "LD_PRELOAD": str(library)}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def train(arguments: argparse.Namespace) -> None:
    """Train a recipe from the start, or go on with a stopped run."""
    import torch

    from bertgen.training.corpus import build_corpus, build_vocabulary
    from bertgen.training.loop import Trainer
    from bertgen.training.recipe import read_recipe
    from bertgen.training.state import STATE

    recipe, out = read_recipe(arguments.recipe), arguments.out
    exists = (out / STATE).exists()
    if exists and not arguments.resume:
        raise ValueError(f"{out} holds a run already; go on with --resume, or choose another --out")
    if arguments.resume and not exists:
        raise ValueError(f"{out} holds no run to resume; leave --resume out to start one")
    out.mkdir(parents=True, exist_ok=True)
    vocabulary = out / "spiece.model"
    if not vocabulary.exists():
        print("training the vocabulary", file=sys.stderr)
        vocabulary.write_bytes(build_vocabulary(recipe, arguments.data))
    corpus = build_corpus(recipe, arguments.data, vocabulary.read_bytes())
    trainer = Trainer(recipe, corpus, arguments.data, out, torch.device(arguments.device))
    if arguments.resume:
        trainer.resume()
    trainer.run()


def export(arguments: argparse.Namespace) -> None:
    """Write a run's weights, with all that belongs to them, as a checkpoint folder."""
    from bertgen.training.export import export_checkpoint
    from bertgen.training.recipe import read_recipe

    metrics = json.loads(arguments.metrics.read_text("utf-8")) if arguments.metrics else {}
    export_checkpoint(
        read_recipe(arguments.recipe), arguments.run_folder, arguments.out, arguments.weights, metrics
    )


def evaluate(arguments: argparse.Namespace) -> None:
    """Print, and with --json keep, BLEU and chrF of a checkpoint."""
    from bertgen.training.evaluate import evaluate as run
    from bertgen.training.recipe import read_recipe

    settings = [{"num_beams": beams} for beams in arguments.num_beams]
    if arguments.length_penalty is not None:
        settings = [{**setting, "length_penalty": arguments.length_penalty} for setting in settings]
    recipe = read_recipe(arguments.recipe)
    rows, outputs = run(
        arguments.checkpoint, recipe, arguments.data, arguments.split, settings, arguments.device
    )
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"metrics": rows, "outputs": outputs}, ensure_ascii=False, indent=1)
        )


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; the chosen command's function is `.run`."""
    parser = argparse.ArgumentParser(prog="python -m bertgen.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("train", help=train.__doc__)
    command.add_argument("recipe", type=Path, help="a .toml file, see bertgen/training/recipes")
    command.add_argument(
        "--data", type=Path, required=True, help="folder that the recipe's file names start from"
    )
    command.add_argument("--out", type=Path, required=True, help="folder of the run: state, vocabulary, log")
    command.add_argument("--resume", action="store_true", help="go on with the run in --out")
    command.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, ...")
    command.set_defaults(run=train)

    command = commands.add_parser("export", help=export.__doc__)
    command.add_argument("recipe", type=Path)
    command.add_argument("run_folder", type=Path, metavar="RUN", help="the --out of train")
    command.add_argument("--out", type=Path, required=True, help="the checkpoint folder to write")
    command.add_argument("--weights", default="averages", choices=("averages", "masters"))
    command.add_argument("--metrics", type=Path, help="JSON object for profile.json")
    command.set_defaults(run=export)

    command = commands.add_parser("evaluate", help=evaluate.__doc__)
    command.add_argument("checkpoint", type=Path)
    command.add_argument("recipe", type=Path, help="names the sets to score")
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--split", default="valid", choices=("valid", "test"))
    command.add_argument("--num-beams", type=int, nargs="+", default=[1, 4])
    command.add_argument("--length-penalty", type=float)
    command.add_argument("--json", type=Path, help="keep metrics and outputs here")
    command.add_argument("--device", default="cpu")
    command.set_defaults(run=evaluate)
    return parser.parse_args(arguments)


def main() -> None:
    """Run one command; what the user can put right ends in one line, not in a traceback."""
    arguments = parse()
    try:
        arguments.run(arguments)
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    use_fast_allocator()
    main()
