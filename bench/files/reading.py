"""Files as ffmpeg reads them, and as the client of a checkout does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.files.making import QUIET

SECONDS = 60.0  # a file that takes longer hangs
OUTPUT = ("-map", "0:a:0", "-ac", "1", "-ar", "16000", "-f", "s16le", "-")
REFUSED = 3  # our reader's status for a file that it says it cannot read

# What runs with the client of a checkout: it reads files, writes what it would send, and says how each of them ended.
READER = f"""
import sys, traceback
from pathlib import Path
try:
    from babelmesh.client.audio import probe
    from babelmesh.client.errors import BabelmeshError
except ImportError:  # an earlier version
    from babelmesh.audio import probe
    from babelmesh.errors import BabelmeshError
for name in sys.argv[1:]:
    with open(name + ".pcm", "wb") as out:
        try:
            for chunk in probe(Path(name)).chunks():
                out.write(chunk)
            status = 0
        except BabelmeshError:
            status = {REFUSED}
        except Exception:
            status = 1
    print(status, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Read:
    """What came of a file: its sound, and how reading it ended."""

    pcm: bytes
    status: int  # 0, REFUSED, another of a traceback, or below 0 of a crash
    hung: bool = False

    @property
    def broke(self) -> bool:
        """Whether reading ended by a traceback or a crash."""
        return not self.hung and self.status not in (0, REFUSED)


def by_ffmpeg(program: str, path: Path) -> Read:
    """A file as ffmpeg decodes it: the first audio track, 16-bit mono at 16 kHz; its sound counts, its status not."""
    return _run([program, *QUIET, "-i", str(path), *OUTPUT], SECONDS)


def by_client(checkout: Path, paths: Sequence[Path]) -> list[Read]:
    """Files as the client of a checkout sends them. One that ends the process costs itself alone."""
    read: list[Read] = []
    while len(read) < len(paths):
        left = paths[len(read) :]
        done = _run([sys.executable, "-P", "-c", READER, *map(str, left)], SECONDS * len(left), checkout)
        ended = [int(line) for line in done.pcm.split()]
        read += [Read(_sent(path), status) for path, status in zip(left, ended, strict=False)]
        if len(ended) < len(left):
            read.append(replace(done, pcm=_sent(left[len(ended)]), status=done.status or 1))
    return read


def _sent(path: Path) -> bytes:
    sent = path.with_name(f"{path.name}.pcm")
    return sent.read_bytes() if sent.exists() else b""


def _run(command: Sequence[str], seconds: float, checkout: Path | None = None) -> Read:
    variables = {"PYTHONPATH": f"{checkout}:{checkout / 'gen'}"} if checkout else None
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            env=variables,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return Read(late.stdout or b"", 0, hung=True)
    return Read(done.stdout, done.returncode)
