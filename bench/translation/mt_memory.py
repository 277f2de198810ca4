"""What the translation stage holds in memory while sessions translate both ways: the process, and its programs.

    python -m bench.translation.mt_memory [--engines firefox+embedded] [--pairs "en>es es>en"] [--sessions 8]
                                          [--revisions 200]

Each session asks for a sentence that grows word by word, as interim results do. Memory is the sum of what the stage's
process and its children hold: what is resident in each, which counts shared libraries for every program, and the
proportional share, which counts them once. The bound is of the latter: only shares can be added up. Models are those
installed, unless MT_FIREFOX__BUNDLES names others.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import psutil

from babelmesh.local import supervisor
from bench.measuring.processes import inventory
from bench.measuring.report import Rows, at_most, finish
from bench.sessions import engines
from mesh.mt.v1 import mt_pb2, mt_pb2_grpc

BOUND_MIB = 300.0
DEADLINE_SECONDS = 30.0
SAMPLE_SECONDS = 0.25
SENTENCES = {
    "en": "The committee will meet again on Monday to discuss the new rules for the house, and everyone is welcome.",
    "es": "El comité se reunirá otra vez el lunes para discutir las nuevas reglas de la casa, y todos son bienvenidos.",
    "pt": "O comitê se reunirá novamente na segunda-feira para discutir as regras da casa, e todos são bem-vindos.",
}


def main() -> None:
    """Prints the table; ends with status 1 when more is held than may be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="firefox+embedded", help="as MT_ENGINE; their settings are MT_*")
    parser.add_argument("--pairs", default="en>es es>en", help="what the sessions translate, in turn")
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--revisions", type=int, default=200, help="of each session")
    options = parser.parse_args()
    table = Rows(f"Memory of {options.engines}, MiB", ("when", "resident", "proportional", "programs"))
    asyncio.run(_measured(table, options))
    peak = max(float(row[2] or 0) for row in table.rows)
    sys.exit(not finish("mt_memory", [table], {"mt_memory.mib": at_most(peak, BOUND_MIB)}))


async def _measured(table: Rows, options: argparse.Namespace) -> None:
    ports = supervisor.free_ports()
    (service,) = (each for each in supervisor.mesh_services(ports) if each.name == "mt")
    installed = engines.stages("default").get("mt", {})
    own = {name: value for name, value in installed.items() if name not in supervisor.environment()}
    own["MT_ENGINE"] = options.engines
    service = replace(service, variables={**service.variables, **own})
    with TemporaryDirectory(prefix="babelmesh-bench-") as logs:
        async with supervisor.running([service], Path(logs)) as (started,):
            process = psutil.Process(started.child.pid)
            _add(table, "started", process)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.mt}") as channel:
                stub = mt_pb2_grpc.MtStub(channel)
                pairs = options.pairs.split()
                async with asyncio.TaskGroup() as tasks:
                    sessions = [
                        tasks.create_task(
                            _session(stub, pairs[number % len(pairs)].split(">"), number, options.revisions)
                        )
                        for number in range(options.sessions)
                    ]
                    while not all(session.done() for session in sessions):
                        await asyncio.sleep(SAMPLE_SECONDS)
                        _peak(table, process)
            _add(table, "afterwards", process)


async def _session(stub: mt_pb2_grpc.MtAsyncStub, pair: Sequence[str], number: int, revisions: int) -> None:
    source, target = pair
    words = SENTENCES[source].split()
    for revision in range(revisions):
        text = f"{' '.join(words[: revision % len(words) + 1])} {number * revisions + revision}"
        asked = mt_pb2.TranslateRequest(text=text, source_lang=source, target_lang=target, final=False)
        await stub.Translate(asked, timeout=DEADLINE_SECONDS)


def _peak(table: Rows, process: psutil.Process) -> None:
    """Keeps the row of the time at which most was resident."""
    before = next((row for row in table.rows if row[0] == "at most"), None)
    _add(table, "at most", process)
    if before is not None:
        table.rows.remove(min(before, table.rows[-1], key=lambda row: float(row[1] or 0)))


def _add(table: Rows, when: str, process: psutil.Process) -> None:
    held = inventory(process)
    table.add(when, round(held.rss_mib, 1), round(held.pss_mib, 1), held.children)


if __name__ == "__main__":
    main()
