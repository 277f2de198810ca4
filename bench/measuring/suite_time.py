"""How long `make test` takes, beside that of an earlier commit: seconds, CPU seconds and counts of tests.

    python -m bench.measuring.suite_time --before COMMIT [--rounds N]

COMMIT is checked out into a temporary folder, with an environment of its own that `make setup` makes there; a folder
given in its place is taken as it is. Both suites are run in turn, the one that begins is another one in each round.
CPU seconds are those of all processes that a suite started and waited for.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.measuring.report import Rows, at_least, at_most, finish

ROOT = Path(__file__).resolve().parents[2]
MOST_RATIO = 0.7
SUMMARY = re.compile(r"^=* ?((?:\d+ \w+, )*\d+ \w+) in [\d.]+s\b", re.MULTILINE)
# What this process may have been told of its own environment and checkout.
OWN = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONSAFEPATH", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a suite."""

    seconds: float
    cpu_seconds: float
    outcomes: Counter[str]

    @property
    def failed(self) -> int:
        """Tests that failed, and those whose fixtures did."""
        return self.outcomes["failed"] + self.outcomes["error"] + self.outcomes["errors"]

    @property
    def tests(self) -> int:
        """Tests that were run."""
        return self.outcomes["passed"] + self.failed


def main() -> None:
    """Print the table; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, metavar="COMMIT", help="or a folder where one is checked out")
    parser.add_argument("--rounds", type=int, default=1)
    told = parser.parse_args()
    with checked_out(told.before) as before:
        checkouts = {"before": before, "now": ROOT}
        for checkout in checkouts.values():
            subprocess.run(["make", "setup"], cwd=checkout, env=_environment(), check=True)
        rounds = [_round(checkouts, number) for number in range(told.rounds)]
    goals = {
        "suite.seconds_ratio": at_most(_ratio(rounds, lambda run: run.seconds), MOST_RATIO),
        "suite.cpu_ratio": at_most(_ratio(rounds, lambda run: run.cpu_seconds), MOST_RATIO),
        "suite.tests_ratio": at_least(_ratio(rounds, lambda run: run.tests), 1),
        "suite.failed": at_most(sum(each["now"].failed for each in rounds), 0),
    }
    sys.exit(not finish("suite_time", [_table(rounds)], goals))


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """The folder of a commit's files, which is gone afterwards; of a folder, itself."""
    if Path(commit).is_dir():
        yield Path(commit).resolve()
        return
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        git = ("git", "-C", str(ROOT), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", str(checkout), commit], check=True)
        try:
            yield checkout
        finally:
            subprocess.run([*git, "remove", "--force", str(checkout)], check=True)


def outcomes(output: str) -> Counter[str]:
    """Tests by outcome, of all runs of pytest that the output has a last line of."""
    found: Counter[str] = Counter()
    for line in SUMMARY.findall(output):
        for count, outcome in re.findall(r"(\d+) (\w+)", line):
            found[outcome] += int(count)
    return found


def _round(checkouts: dict[str, Path], number: int) -> dict[str, Run]:
    arms = list(checkouts.items())
    return {arm: _run(checkout) for arm, checkout in (reversed(arms) if number % 2 else arms)}


def _run(checkout: Path) -> Run:
    with tempfile.TemporaryFile("w+") as output:
        began = time.monotonic()
        suite = subprocess.Popen(
            ["make", "test"], cwd=checkout, env=_environment(), stdout=output, stderr=subprocess.STDOUT
        )
        _, _, used = os.wait4(suite.pid, 0)
        seconds = time.monotonic() - began
        suite.returncode = 0  # it has been waited for: what failed is counted
        output.seek(0)
        printed = output.read()
    print(printed[-3000:], file=sys.stderr, flush=True)
    return Run(seconds, used.ru_utime + used.ru_stime, outcomes(printed))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OWN}


def _ratio(rounds: list[dict[str, Run]], of: Callable[[Run], float]) -> float:
    return float(median(of(each["now"]) / (of(each["before"]) or float("inf")) for each in rounds))


def _table(rounds: list[dict[str, Run]]) -> Rows:
    table = Rows("make test, each round", ("suite", "s", "CPU s", "tests", "failed", "skipped"))
    for each in rounds:
        for arm, run in sorted(each.items()):
            table.add(arm, run.seconds, run.cpu_seconds, run.tests, run.failed, run.outcomes["skipped"])
    return table


if __name__ == "__main__":
    main()
