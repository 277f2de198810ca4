"""Prints the part of requirements/lock.txt that lists of names ask for, versions and hashes included.

    python requirements/part.py LIST [LIST ...]

pip takes no part of a hashed list by itself, and one lock is to serve every image and the environment that tests them.
A LIST has one name of a package a line. This needs no package itself, as it runs before any is installed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

LOCK = Path(__file__).with_name("lock.txt")

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def part(lock: str, names: Iterable[str]) -> Iterator[str]:
    """The entries of a lock for these packages, in the lock's order. Raises KeyError for names that it has not."""
    wanted = {normal(name) for name in names}
    entries = [(normal(entry), entry) for entry in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE) if entry]
    if missing := wanted - {name for name, _ in entries}:
        raise KeyError(", ".join(sorted(missing)))
    return (entry for name, entry in entries if name in wanted)


def normal(line: str) -> str:
    """The name at the beginning of a line, as PyPI compares names; empty where a line begins with none."""
    found = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def names(text: str) -> list[str]:
    """The names of a list, without its comments and empty lines."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


if __name__ == "__main__":
    listed = [name for path in sys.argv[1:] for name in names(Path(path).read_text())]
    try:
        sys.stdout.writelines(part(LOCK.read_text(), listed))
    except KeyError as missing:
        sys.exit(f"{LOCK.name} lacks {missing.args[0]}: run `make lock`.")
