"""Writes the generated files beside it, or says with `--check` which of them are not current."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.monitoring import dashboards, slos

FOLDER = Path(__file__).parent


def generated() -> Mapping[Path, str]:
    """Every file that is written from Python, with what it holds."""
    files = {FOLDER / "rules" / "slo.yaml": slos.rules()}
    return files | {FOLDER / "dashboards" / f"{name}.json": text for name, text in dashboards.written().items()}


def stale() -> list[str]:
    """Those that hold something else."""
    return [path.name for path, text in generated().items() if not path.is_file() or path.read_text() != text]


def main() -> None:
    """Ends with status 1 when asked to check, and a file is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        sys.exit(f"Not current: {', '.join(old)}" if (old := stale()) else 0)
    for path, text in generated().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
