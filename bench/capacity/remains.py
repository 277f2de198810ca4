"""How often what a session said is found in the memory of each process, while it lasts and after it.

    python -m bench.capacity.remains [--others 100]

A session types a secret word over an edge, in an address that its mask hides or in plain words, and ends; others type
other words after it. What a process frees is not overwritten: it is found until something else takes its place. With
PYTHONMALLOC=malloc and MALLOC_PERTURB_=165 in the environment glibc overwrites what is freed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from websockets.asyncio.client import connect

from bench.chaos.archive import variables_of
from bench.chaos.archiving import settings_of
from bench.edge.typing import edges
from bench.measuring.memory import copies
from bench.measuring.processes import SCRIPTED, local_mesh
from bench.measuring.report import Rows, at_most, finish

CACHE_SECONDS = 5.0
TEXTS = 20  # of each session
ARMS = {"hidden by a mask": "write to {}@example.org today", "in plain words": "we talked of {} today"}
SETTLED_SECONDS = 1.0
SESSION = {"source_lang": "en", "targets": [{"lang": "es", "delivery": "captions"}], "features": [], "mask_pii": True}
HELLO = {"type": "hello", "session": SESSION}


def main() -> None:
    """Print the copies; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--others", type=int, default=100)
    others = parser.parse_args().others
    table = Rows("Copies in memory", ("what was said", "when", "gateway", "asr", "mt", "tts", "edge", "CPU s of all"))
    for arm, said in ARMS.items():
        asyncio.run(remains(arm, said, others, table))
    hidden = [row for row in table.rows if row[0] == next(iter(ARMS))]
    stages = sum(int(count or 0) for row in hidden for count in row[3:6])
    sys.exit(not finish("remains", [table], {"remains.masked_in_stages": at_most(stages, 0)}))


async def remains(arm: str, said: str, others: int, table: Rows) -> None:
    """Count the copies of one word, at several moments."""
    word = f"q{secrets.token_hex(6)}"
    with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
        archive = variables_of(settings_of(Path(folder)), "")
        told = {**SCRIPTED, **archive, "MT_CACHE_ENTRIES": "2000", "MT_CACHE_SECONDS": str(CACHE_SECONDS)}
        async with local_mesh(told) as mesh, edges(mesh.address) as running:
            ((port, edge),) = running
            processes = {**mesh.processes, "edge": edge}
            await talk(port, [said.format("nobody")] * TEXTS)
            texts = [said.format(word) for _ in range(TEXTS)]
            await talk(port, texts, counted(table, arm, "the session lasts", processes, word))
            await asyncio.sleep(SETTLED_SECONDS)
            counted(table, arm, "it has ended", processes, word)()
            for number in range(others):
                await talk(port, [said.format(f"nobody {number}")] * TEXTS)
                if number + 1 in (10, others):
                    counted(table, arm, f"after {number + 1} others", processes, word)()
            await asyncio.sleep(2 * CACHE_SECONDS)
            counted(table, arm, "after the cache's time", processes, word)()


def counted(table: Rows, arm: str, when: str, processes: Mapping[str, psutil.Process], word: str) -> Callable[[], None]:
    """Return what adds a row with the copies that there are when it is called."""

    def count() -> None:
        names = ("gateway", "asr", "mt", "tts", "edge")
        used = sum(sum(each.cpu_times()[:2]) for each in processes.values())
        table.add(arm, when, *(copies(processes[name], word) for name in names), used)

    return count


async def talk(port: int, texts: Sequence[str], before_the_end: Callable[[], None] = lambda: None) -> None:
    """Type texts in a session of its own, and wait for the translation of each."""
    url = f"ws://127.0.0.1:{port}/v1/realtime"
    async with connect(url, compression=None, open_timeout=60) as socket:
        await socket.send(json.dumps(HELLO))
        for text in texts:
            await socket.send(json.dumps({"type": "input_text", "text": text, "final": True}))
            async with asyncio.timeout(60):
                while json.loads(await socket.recv())["type"] != "final_translation":
                    pass
        before_the_end()


if __name__ == "__main__":
    main()
