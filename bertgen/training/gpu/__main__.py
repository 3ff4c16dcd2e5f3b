"""Commands: pack, run, export."""

from __future__ import annotations

import argparse
from pathlib import Path

from bertgen.training.gpu.plan import read_plan

PLANS = Path(__file__).parent / "plans"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bertgen.training.gpu", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack", help="text to token ids")
    pack.add_argument(
        "--data", type=Path, action="append", required=True, help="data folder; may be repeated"
    )
    pack.add_argument("--reuse", type=Path, help="folder of vocabularies trained before")
    pack.add_argument("--only", action="append", default=[], help="pattern of sets to pack beside the others")
    run = commands.add_parser("run", help="train everything within --seconds")
    run.add_argument("--packed", type=Path, required=True)
    run.add_argument("--seconds", type=float, required=True)
    run.add_argument(
        "--scale", type=float, default=1.0, help="part of the rows and sizes, for a try on a CPU"
    )
    export = commands.add_parser("export", help="a run's weights to checkpoint folders")
    export.add_argument("--packed", type=Path, required=True)
    export.add_argument("--bundle", type=Path, required=True, help="what a run wrote")
    for command in (pack, run, export):
        command.add_argument("plan", nargs="?", type=Path, default=PLANS / "translate.toml")
        command.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Run one command."""
    arguments = _arguments()
    plan = read_plan(arguments.plan)
    # Each command imports what it needs: a run has PyTorch and numpy only.
    if arguments.command == "pack":
        from bertgen.training.gpu.pack import pack

        pack(plan, arguments.data, arguments.out, arguments.reuse, arguments.only)
    elif arguments.command == "run":
        from bertgen.training.gpu.run import run

        run(plan, arguments.packed, arguments.out, arguments.seconds, arguments.scale)
    else:
        from bertgen.training.gpu.export import export

        export(plan, arguments.packed, arguments.bundle, arguments.out)


if __name__ == "__main__":
    main()
