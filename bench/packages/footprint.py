"""What the client takes of those who install it: time and memory of an import, packages, files and bytes.

    python -m bench.packages.footprint [--before CHECKOUT] [--pairs N]

An import is timed in a new process of this Python, from before its first statement to behind its last one. With
`--before` another checkout of this project, whose stubs are built, is imported in turn with this one, so that both have
the same machine. Wheels are built of copies; the other checkout's is its root's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.measuring.report import Cell, Goal, Rows, at_most, finish

ROOT = Path(__file__).resolve().parents[2]
STATEMENTS = {
    "import babelmesh": "import babelmesh",
    "and its first use": "import babelmesh; babelmesh.connect, babelmesh.TranslationResult, babelmesh.SessionFailed",
    "and all its names": "from babelmesh import *",
}
TIMED = """
import resource, sys, time
began, worked = time.perf_counter(), time.process_time()
{statement}
took, worked = time.perf_counter() - began, time.process_time() - worked
print(took * 1000, worked * 1000, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(sys.modules))
"""
MOST_RATIO = 0.4
MOST_DEPENDENCIES = 8
BUILT_FROM = ("LICENSE", "README.md", "babelmesh", "hatch_build.py", "protos", "pyproject.toml", "server", "services")


@dataclass(frozen=True, slots=True)
class Import:
    """One import in one process."""

    ms: float
    cpu_ms: float
    mebibytes: float
    modules: float


def main() -> None:
    """Ends with status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="another checkout, imported in turn")
    parser.add_argument("--pairs", type=int, default=15)
    told = parser.parse_args()
    arms = {"before": told.before.resolve()} if told.before else {}
    arms["now"] = ROOT
    imports, ratio = _imports(arms, max(5, told.pairs))
    with tempfile.TemporaryDirectory() as folder:
        packages, contents, strangers = _packages(arms, Path(folder))
    goals: dict[str, Goal] = {"import.ratio": at_most(ratio, MOST_RATIO)} if told.before else {}
    goals["wheel.dependencies"] = at_most(len(_dependencies(ROOT)), MOST_DEPENDENCIES)
    goals["wheel.files_elsewhere"] = at_most(strangers, 0)
    sys.exit(not finish("footprint", [imports, packages, contents], goals))


def _imports(arms: dict[str, Path], pairs: int) -> tuple[Rows, float]:
    """The table of imports, and how many times as long `import babelmesh` takes now as before."""
    columns = [f"{arm} {what}" for what in ("ms", "CPU ms", "MiB", "modules") for arm in arms]
    table = Rows(f"Imports, medians of {pairs} runs each, in turn", ("what", *columns, "ratio of ms"))
    ratios = []
    for name, statement in STATEMENTS.items():
        found: dict[str, list[Import]] = {arm: [_import(checkout, statement)] for arm, checkout in arms.items()}
        for runs in found.values():
            runs.clear()  # of the first run, which writes the bytecode
        for _ in range(pairs):
            for arm, checkout in arms.items():
                found[arm].append(_import(checkout, statement))
        cells = [median(getattr(each, what) for each in found[arm]) for what in Import.__slots__ for arm in arms]
        in_turn = zip(found.get("before", found["now"]), found["now"], strict=True)
        ratios.append(median(now.ms / before.ms for before, now in in_turn))
        table.add(name, *map(_rounded, cells), ratios[-1])
    return table, ratios[0]


def _rounded(value: float) -> float:
    return round(value, 1)


def _import(checkout: Path, statement: str) -> Import:
    variables = {**os.environ, "PYTHONPATH": f"{checkout}:{checkout / 'gen'}", "PYTHONSAFEPATH": "1"}
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", TIMED.format(statement=statement)]
    told = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout
    return Import(*map(float, told.split()))


def _packages(arms: dict[str, Path], folder: Path) -> tuple[Rows, Rows, int]:
    """The tables of wheels and of what the client's holds, and how many of its files are not in its package."""
    table = Rows("Wheels", ("wheel", "direct dependencies", "files", "KiB"))
    contents, strangers = Rows("The client's wheel", ("folder", "files", "KiB")), 0
    for arm, checkout in arms.items():
        for wheel in _wheels(checkout, folder / arm):
            server = "server" in wheel.name
            sizes = _sizes(wheel)
            asked = _dependencies(checkout / "server" if server else checkout)
            table.add(f"{arm}: {wheel.name}", len(asked), len(sizes), round(wheel.stat().st_size / 1024))
            if arm == "now" and not server:
                for row in _by_folder(sizes):
                    contents.add(*row)
                strangers = sum(not name.startswith(("babelmesh/", "babelmesh-")) for name in sizes)
    return table, contents, strangers


def _wheels(checkout: Path, folder: Path) -> Iterator[Path]:
    for name in BUILT_FROM:
        source = checkout / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "_stubs"))
        elif source.exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder)
    for place in (folder, folder / "server"):
        if place.is_dir():
            out = place / "dist"
            command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
            subprocess.run(command, cwd=place, check=True, capture_output=True)
            yield from out.glob("*.whl")


def _sizes(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.file_size for each in archive.infolist()}


def _by_folder(sizes: dict[str, int]) -> Iterator[tuple[Cell, ...]]:
    files: Counter[str] = Counter()
    octets: Counter[str] = Counter()
    for name, size in sizes.items():
        folder = "/".join(name.split("/")[:-1][:2])
        files[folder] += 1
        octets[folder] += size
    for folder in sorted(files):
        yield folder, files[folder], round(octets[folder] / 1024)


def _dependencies(place: Path) -> list[str]:
    project = tomllib.loads((place / "pyproject.toml").read_text())["project"]
    return list(project["dependencies"])


if __name__ == "__main__":
    main()
