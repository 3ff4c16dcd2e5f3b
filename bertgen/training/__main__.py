"""Pre-train, fine-tune, export and evaluate small BertGeneration models (python -m bertgen.training --help).

Several processes or GPUs: torchrun --nproc-per-node=2 -m bertgen.training train RECIPE --data DATA --out RUN
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# glibc gives large buffers back to the kernel and asks for them again a moment later: half a step's time.
ALLOCATORS = ("libtcmalloc.so.4", "libtcmalloc_minimal.so.4", "libjemalloc.so.2")
# Settings of decoding that `evaluate` takes.
DECODING = ("length_penalty", "no_repeat_ngram_size")
# What pip install ".[training]" adds.
EXTRA = ("matplotlib", "rouge_score", "sacrebleu", "sacremoses", "tqdm")
LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib")


def use_fast_allocator() -> None:
    """Start this program again with tcmalloc or jemalloc where one is installed; do nothing where none is."""
    if "LD_PRELOAD" in os.environ or not sys.platform.startswith("linux"):
        return
    # An allocator has to be there before Python is: the program replaces itself with a copy that loads it.
    found = [Path(folder, name) for name in ALLOCATORS for folder in LIBRARY_FOLDERS]
    library = next((path for path in found if path.exists()), None)
    if library is not None:
        environment = {**os.environ, "LD_PRELOAD": str(library)}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def pretrain(arguments: argparse.Namespace) -> None:
    """Pre-train a base on running text by masked-language modelling, or go on with a stopped run."""
    from bertgen.training.recipe.reader import read_pretraining_recipe
    from bertgen.training.runs.run import open_run, pre_train

    recipe, out = read_pretraining_recipe(arguments.recipe, arguments.set), arguments.out
    folder = pre_train(recipe, arguments.data, out, open_run(out, arguments.resume), arguments.device)
    _exit_if_stopped(folder is None)
    if folder is not None:
        print(f"the base is in {folder}; start a training from it with --set warm_start.bert={folder}")


def train(arguments: argparse.Namespace) -> None:
    """Train a recipe from the start, or go on with a stopped run; its end is OUT/checkpoint."""
    from bertgen.training.recipe.reader import read_recipe
    from bertgen.training.runs.run import fine_tune, open_run

    recipe, out = read_recipe(arguments.recipe, arguments.set), arguments.out
    folder = fine_tune(recipe, arguments.data, out, open_run(out, arguments.resume), arguments.device)
    _exit_if_stopped(folder is None)
    if folder is not None:
        print(f"the checkpoint is in {folder}; open it with: python app.py --checkpoint {folder}")


def _exit_if_stopped(stopped: bool) -> None:
    """End with an error after a signal, so that what a script would do next is left out."""
    from bertgen.training.runs.processes import leads

    if stopped and leads():
        raise SystemExit("stopped and saved; go on with --resume (compare: the same command again)")


def export(arguments: argparse.Namespace) -> None:
    """Write a run's weights, with all that belongs to them, as a checkpoint folder."""
    from bertgen.training.recipe.reader import read_any_recipe
    from bertgen.training.recipe.tables import PretrainingRecipe
    from bertgen.training.runs.export import export_base, export_checkpoint

    recipe = read_any_recipe(arguments.recipe, arguments.set)
    if isinstance(recipe, PretrainingRecipe):
        export_base(recipe, arguments.run_folder, arguments.out, arguments.weights)
        return
    metrics = {}
    if arguments.metrics:
        metrics = json.loads(arguments.metrics.read_text("utf-8"))
    export_checkpoint(recipe, arguments.run_folder, arguments.out, arguments.weights, metrics)


def evaluate(arguments: argparse.Namespace) -> None:
    """Print, and with --json keep, the figures of a checkpoint and of the baselines."""
    from bertgen.training.recipe.reader import read_recipe
    from bertgen.training.reports.evaluate import evaluate as run
    from bertgen.training.runs.compare import tables

    # 1) One decoding a number of beams; what is not given stays the checkpoint's.
    given = {name: getattr(arguments, name) for name in DECODING if getattr(arguments, name) is not None}
    settings = [{"num_beams": beams, **given} for beams in arguments.num_beams]
    recipe = read_recipe(arguments.recipe, arguments.set)
    # Asked before the work, not after it.
    if arguments.json and not arguments.json.parent.is_dir():
        raise ValueError(f"--json: the folder {arguments.json.parent} does not exist; make it first")
    # 2) Score, print, keep.
    rows, outputs = run(
        arguments.checkpoint, recipe, arguments.data, arguments.split, settings, arguments.device
    )
    if sys.stdout.isatty():
        print(tables({arguments.checkpoint.name: {"metrics": rows, "log": []}}))
    else:  # for another program
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    if arguments.json:
        text = json.dumps({"metrics": rows, "outputs": outputs}, ensure_ascii=False, indent=1)
        arguments.json.write_text(text, encoding="utf-8")
        print(f"metrics and outputs are in {arguments.json}", file=sys.stderr)


def compare(arguments: argparse.Namespace) -> None:
    """Train and score variants of one recipe alike: table and learning curves; goes on where it stopped."""
    from bertgen.training.reports.curves import CURVES
    from bertgen.training.runs.compare import TABLE
    from bertgen.training.runs.compare import compare as run

    # 1) The variants by name: set-ups of a warm start, or any settings.
    variants = {setup: [f"warm_start.setup={setup}"] for setup in arguments.setups}
    variants |= {name: settings for name, *settings in arguments.variant}
    if not variants:
        raise ValueError(
            "name what to compare: --setups RND2RND BERTSHARE, or --variant NAME TABLE.KEY=VALUE"
        )
    # 2) What --set gives holds for all; a variant's settings come last and so prevail.
    variants = {name: [*arguments.set, *settings] for name, settings in variants.items()}
    settings = [{"num_beams": beams} for beams in arguments.num_beams]
    done = run(
        arguments.recipe, variants, arguments.data, arguments.out, arguments.split, settings, arguments.device
    )
    _exit_if_stopped(not done)
    print((arguments.out / TABLE).read_text("utf-8"))
    print(f"the table is in {arguments.out / TABLE}, the curves are in {arguments.out / CURVES}")


def curves(arguments: argparse.Namespace) -> None:
    """Draw the learning curves of one or more runs or checkpoints as one picture."""
    from bertgen.training.reports.curves import draw_curves
    from bertgen.training.runs.state import read_log

    names = [folder.name for folder in arguments.folders]
    # Every run's checkpoint is called "checkpoint".
    if len(set(names)) < len(names):
        names = [str(folder) for folder in arguments.folders]
    logs = [read_log(folder) for folder in arguments.folders]
    draw_curves(dict(zip(names, logs, strict=True)), arguments.out)


def card(arguments: argparse.Namespace) -> None:
    """Write a checkpoint's model card from its recipe, log and evaluations."""
    from bertgen.training.recipe.reader import read_any_recipe
    from bertgen.training.recipe.tables import PretrainingRecipe
    from bertgen.training.reports.card import read_results, write_base_card, write_card

    recipe, notes = read_any_recipe(arguments.recipe, arguments.set), arguments.notes.read_text("utf-8")
    # 1) A base has no task, so nothing was evaluated.
    if isinstance(recipe, PretrainingRecipe):
        write_base_card(arguments.checkpoint, recipe, arguments.command, notes)
        print(f"the card is {arguments.checkpoint / 'README.md'}")
        return
    # 2) A checkpoint of a task: its figures and, where they were kept, some of its outputs.
    if arguments.results is None:
        raise ValueError("give --results, what `evaluate --split test --json` wrote")
    if arguments.valid and arguments.data is None:
        raise ValueError("give --data: the outputs in --valid are shown beside their sources")
    valid = None
    if arguments.valid:
        valid = read_results([arguments.valid])
    results = read_results(arguments.results)
    write_card(
        arguments.checkpoint,
        recipe,
        arguments.data,
        results,
        arguments.command,
        notes,
        valid,
        arguments.shown,
    )
    print(f"the card is {arguments.checkpoint / 'README.md'}")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; the chosen command's function is `.run`."""
    parser = argparse.ArgumentParser(prog="python -m bertgen.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    # 1) The two that train.
    for run in (pretrain, train):
        command = commands.add_parser(run.__name__, help=run.__doc__)
        _add_recipe(command, "a .toml file, see bertgen/training/recipes")
        command.add_argument(
            "--data", type=Path, required=True, help="folder that the recipe's file names start from"
        )
        command.add_argument(
            "--out", type=Path, required=True, help="folder of the run: state, vocabulary, log"
        )
        command.add_argument("--resume", action="store_true", help="go on with the run in --out")
        _add_device(command)
        command.set_defaults(run=run)

    # 2) What makes files and figures of a run.
    command = commands.add_parser("export", help=export.__doc__)
    _add_recipe(command)
    command.add_argument("run_folder", type=Path, metavar="RUN", help="the --out of train")
    command.add_argument("--out", type=Path, required=True, help="the checkpoint folder to write")
    command.add_argument("--weights", default="auto", help="auto (default), masters, averages, best, kept")
    command.add_argument("--metrics", type=Path, help="JSON object for profile.json")
    command.set_defaults(run=export)

    command = commands.add_parser("evaluate", help=evaluate.__doc__)
    command.add_argument("checkpoint", type=Path)
    _add_recipe(command, "names the sets to score")
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--split", default="valid", choices=("valid", "test"))
    command.add_argument("--num-beams", type=int, nargs="+", default=[1, 4])
    command.add_argument("--length-penalty", type=float, help="another than the checkpoint's")
    command.add_argument("--no-repeat-ngram-size", type=int, help="likewise; 0 for none")
    command.add_argument("--json", type=Path, help="keep metrics and outputs here")
    _add_device(command)
    command.set_defaults(run=evaluate)
    _parse_compare(commands)
    _parse_reports(commands)
    return parser.parse_args(arguments)


def _add_recipe(command: argparse.ArgumentParser, text: str | None = None) -> None:
    command.add_argument("recipe", type=Path, help=text)
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="TABLE.KEY=VALUE",
        help="replace a setting of the recipe, e.g. warm_start.bert=bert-base-uncased; may repeat",
    )


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--device", default="cpu", help="cpu (default), cuda, cuda:1, mps, or auto: a GPU that is there"
    )


def _parse_compare(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("compare", help=compare.__doc__)
    _add_recipe(command)
    command.add_argument("--data", type=Path, required=True)
    command.add_argument("--out", type=Path, required=True, help="one run a variant, table.md, curves.png")
    command.add_argument(
        "--setups", nargs="+", default=[], metavar="SETUP", help="warm starts: RND2RND BERT2RND ..."
    )
    command.add_argument(
        "--variant",
        nargs="+",
        action="append",
        default=[],
        metavar=("NAME", "TABLE.KEY=VALUE"),
        help="a variant by its settings; may stand several times",
    )
    command.add_argument("--split", default="valid", choices=("valid", "test"))
    command.add_argument("--num-beams", type=int, nargs="+", default=[1, 4])
    _add_device(command)
    command.set_defaults(run=compare)


def _parse_reports(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser("curves", help=curves.__doc__)
    command.add_argument("folders", type=Path, nargs="+", help="runs or checkpoints, with their train.jsonl")
    command.add_argument("--out", type=Path, required=True, help=".png or .svg")
    command.set_defaults(run=curves)

    command = commands.add_parser("card", help=card.__doc__)
    command.add_argument("checkpoint", type=Path)
    _add_recipe(command)
    command.add_argument("--data", type=Path)
    command.add_argument("--results", type=Path, nargs="+", help="what evaluate --split test --json wrote")
    command.add_argument("--valid", type=Path, help="the same of the validation sets: ten outputs are shown")
    command.add_argument("--shown", metavar="SET", help="of which set; the recipe's first unless named")
    command.add_argument("--command", required=True, help="the command line(s) that made it, for the card")
    command.add_argument("--notes", type=Path, required=True, help="Markdown: limits and failures")
    command.set_defaults(run=card)


def main() -> None:
    """Run one command; what the user can put right ends in one line, not in a traceback."""
    # A terminal that cannot show a letter is given its number: no result is lost to that.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    arguments = parse()
    data = getattr(arguments, "data", None)
    if data is not None and data.is_file():
        raise SystemExit(
            f"error: --data is the folder that the recipe's file names start from: --data {data.parent} "
            f"--set data.own.train={data.name}"
        )
    try:
        arguments.run(arguments)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA:
            raise
        raise SystemExit(
            f'error: {package} is not installed; training needs more: pip install ".[training]"'
        ) from error
    except (ValueError, OSError) as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    use_fast_allocator()
    main()
