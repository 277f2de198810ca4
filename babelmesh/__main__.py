"""Runs the command line: `python -m babelmesh` does the same as `babelmesh`."""

from __future__ import annotations

import sys
from importlib.util import find_spec

NEEDED = ("av", "langcodes", "numpy", "rich", "typer")  # what the extra brings


def main() -> None:
    """Run the command line, or end with the name of the extra that brings what it needs."""
    if not all(map(find_spec, NEEDED)):
        sys.exit("babelmesh: The command line needs an extra: pip install 'babelmesh[cli]'.")
    from babelmesh.cli.main import main as run  # noqa: PLC0415  # an extra

    run()


if __name__ == "__main__":
    main()
