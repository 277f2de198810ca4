"""WhisperLiveKit as a server beside ours: started in an environment of its own, and asked by a client there."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from babelmesh.local import supervisor
from bench.measuring.processes import LocalMesh
from bench.measuring.take import Take
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE, Pcm

NAME = "whisperlivekit"
OPTIONS = ("--backend", "faster-whisper", "--backend-policy", "localagreement", "--lan", "en", "--pcm-input")
CLIENT = Path(__file__).with_name("peer_client.py")
START_SECONDS, STOP_SECONDS = 120.0, 10.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A running WhisperLiveKit."""

    python: str  # of its environment
    mesh: LocalMesh  # its one process

    async def takes(self, talks: Sequence[Pcm]) -> list[Take]:
        """What it makes of some talks at once, each at its own pace. Its text is the transcript of one segment."""
        with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
            paths = [Path(folder) / f"{number}.pcm" for number in range(len(talks))]
            for path, pcm in zip(paths, talks, strict=True):
                path.write_bytes(pcm.tobytes())
            client = await asyncio.create_subprocess_exec(
                self.python, str(CLIENT), self.mesh.address, *map(str, paths), stdout=asyncio.subprocess.PIPE
            )
            written, _ = await client.communicate()
        if client.returncode:
            sys.exit("The client of WhisperLiveKit failed; see above.")
        return [taken(pcm, states) for pcm, (states, _) in zip(talks, json.loads(written), strict=True)]


def taken(pcm: Pcm, states: Sequence[tuple[float, str, str]]) -> Take:
    """States of a text as the interim results of a segment, and the last one as its final."""
    take = Take(len(pcm) / ASR_RATE, [])
    for number, (at, settled, shown) in enumerate(states, start=1):
        final = number == len(states)
        take.events.append((at, pb.AsrResult(text=shown, stable_length=len(settled), segment_id=1, final=final)))
    return take


@asynccontextmanager
async def whisperlivekit(python: str, weights: Path) -> AsyncIterator[Peer]:
    """Have a WhisperLiveKit on these weights, a folder as CTranslate2 writes it, for the block."""
    [port] = supervisor.unused_ports(1)
    command = [python, "-m", "whisperlivekit.basic_server", "--host", supervisor.HOST, "--port", str(port)]
    command += [*OPTIONS, "--model_dir", str(weights), "--warmup-file", ""]
    with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
        log = Path(folder) / "log"
        alone = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
        with log.open("wb") as out:
            server = await asyncio.create_subprocess_exec(*command, stdout=out, stderr=out, cwd=folder, env=alone)
        try:
            address = f"{supervisor.HOST}:{port}"
            await _ready(server, address, log)
            yield Peer(python, LocalMesh(address, {NAME: psutil.Process(server.pid)}))
        finally:
            if server.returncode is None:
                server.terminate()
            await asyncio.wait_for(server.wait(), STOP_SECONDS)


async def _ready(server: asyncio.subprocess.Process, address: str, log: Path) -> None:
    """Wait until it answers. Ends the program when it does not."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await asyncio.to_thread(_answers, f"http://{address}/health"):
                if server.returncode is not None:
                    sys.exit(f"WhisperLiveKit ended: {_tail(log)}")
                await asyncio.sleep(0.5)
    except TimeoutError:
        sys.exit(f"WhisperLiveKit does not answer: {_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return b'"ready":true' in answer.read()
    except (urllib.error.URLError, OSError):
        return False
