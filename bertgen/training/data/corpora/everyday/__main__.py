"""`python -m bertgen.training.data.corpora.everyday --data DIR --out DIR [NAME ...]`: write everyday rows."""

from __future__ import annotations

import argparse
from pathlib import Path

from bertgen.training.data.corpora.everyday.build import SETS, held_out, write_manifest, write_set


def main() -> None:
    """Write the named sets, or all, and one line about each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SETS)}; all by default")
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--everyday", type=Path, help="folder of the everyday test sets, to stay clear of them"
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(SETS)
    if unknown:
        parser.error(f"no set is named {', '.join(sorted(unknown))}; there are {', '.join(SETS)}")
    closed = held_out(options.data, options.everyday)
    for name in options.names or SETS:
        entry = write_set(name, options.data, options.out, closed)
        write_manifest([entry], options.out)
        print(f"{name}: {entry['rows']:,} rows", flush=True)


if __name__ == "__main__":
    main()
