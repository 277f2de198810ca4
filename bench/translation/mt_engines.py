"""Our translator beside transformers and CTranslate2: same weights, same sources, same precision, same threads.

    python -m bench.translation.mt_engines [--model marian-base-random] [--device auto] [--pairs 5] [--threads 1]
                               [--together 1,8,32] [--callers 16] [--others transformers,CTranslate2]

Greedy. The weights have the shape of an OPUS-MT model and are random; the end is never likely, so that every
translation is `--length` ids long in every arm. That measures what a token costs, and says nothing about quality.
First so many sentences `--together`, all there from the beginning: equal batches. Then `--callers` with one sentence
each, who come by themselves (`mt_served` says how each translator is asked). Bytes for each token are those of
sources, too; on the CPU those that would cross. Needs the environment of `make parity-setup`, and goes there by itself.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PYTHON = ROOT / ".parity" / "bin" / "python"


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    if not (find_spec("ctranslate2") and find_spec("transformers")):
        _go_on_in_parity_environment()
    from bench.translation.mt_compared import compare  # noqa: PLC0415  # it imports what was looked for

    compare(__doc__)


def _go_on_in_parity_environment() -> None:
    if not PYTHON.exists() or Path(sys.executable) == PYTHON:
        gpu = ", it needs a GPU, and" if "cuda" in sys.argv else ":"
        print(
            f"Skipped{gpu} transformers and CTranslate2, which are not installed here. `make parity-setup` does that."
        )
        sys.exit()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "gen")])
    module = ("-m", "bench.translation.mt_engines")
    os.execve(PYTHON, [str(PYTHON), *module, *sys.argv[1:]], {**os.environ, "PYTHONPATH": paths})


if __name__ == "__main__":
    main()
