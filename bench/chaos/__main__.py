"""Runs the scenarios, cheapest first, and prints one line a goal.

python -m bench.chaos [--only kills] [--short]
"""

from __future__ import annotations

import argparse
import sys

from bench.chaos import node
from bench.goals import CHAOS, MEASUREMENTS, measured


def main() -> None:
    """Ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAME")
    parser.add_argument("--short", action="store_true", help="a rehearsal of each; its numbers prove nothing")
    told = parser.parse_args()
    scenarios = [each for each in MEASUREMENTS if each.module.startswith(CHAOS)]
    chosen = [each for each in scenarios if each.has(told.only)]
    if not chosen:
        parser.error(f"no scenario has {told.only}. There are {', '.join(each.name for each in scenarios)}.")
    if reason := node.missing():
        print(f"Without the independent client and checker. {reason}", flush=True)
    sys.exit(not all([measured(each, told.only, options=each.short if told.short else ()) for each in chosen]))


if __name__ == "__main__":
    main()
