"""``python -m tests.bench [NAME ...] [--json FILE]``: measure, print the table, and say which targets are met."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.bench.figures import as_json, table
from tests.bench.measures import MEASURES
from tests.bench.stage import built_stage


def main() -> int:
    """Measure and return 0 if every target is met, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(MEASURES)}; all without any")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(MEASURES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    figures = []
    with built_stage() as stage:
        for name in arguments.names or MEASURES:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            figures += MEASURES[name](stage)
    print(table(figures))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(as_json(figures) + "\n", encoding="utf-8")
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
