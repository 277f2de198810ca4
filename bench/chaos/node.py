"""The independent client and checker of tests/chaos/node, as programs: they share no code with the package."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2] / "tests" / "chaos" / "node"
END_SECONDS = 60.0


class NodeMissing(Exception):
    """Node, or what the client imports, is not installed; the text says what to do."""


def missing() -> str:
    """What is missing, as a reason to skip; empty when all is there."""
    if shutil.which("node") is None:
        return "Node is not installed: `make chaos` installs it on Debian, or see nodejs.org."
    if not (HERE / "node_modules" / "@grpc" / "grpc-js").is_dir():
        return "The client's packages are not installed: `make chaos`, or `npm ci` in tests/chaos/node."
    return ""


@dataclass(frozen=True, slots=True)
class NodeClient:
    """The client under way."""

    process: asyncio.subprocess.Process

    def ping(self, label: str) -> None:
        """Has each of its sessions ask for an echo."""
        self._say(f"ping {label}")

    def stop(self) -> None:
        """Has its sessions come to an end."""
        self._say("stop")

    def _say(self, line: str) -> None:
        if self.process.stdin is not None and self.process.returncode is None:
            self.process.stdin.write(f"{line}\n".encode())


@asynccontextmanager
async def node_sessions(addresses: str, folder: Path, sessions: int, *options: str) -> AsyncIterator[NodeClient]:
    """Has so many sessions of the Node client speak during the block; hears them out after it."""
    if reason := missing():
        raise NodeMissing(reason)
    arguments = ("--addresses", addresses, "--folder", str(folder), "--sessions", str(sessions), *options)
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "client.mjs"), *arguments, stdin=asyncio.subprocess.PIPE
    )
    client = NodeClient(process)
    try:
        yield client
        client.stop()
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        pass  # its ledgers have no end: the checkers tell
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def audited(folder: Path) -> dict[str, Any]:
    """What the independent checker finds in a folder of ledgers."""
    output = await _run("node", str(HERE / "check.mjs"), str(folder))
    report: dict[str, Any] = json.loads(output)
    return report


async def _run(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise NodeMissing(f"{' '.join(_short(command))} ended with status {process.returncode}.")
    return output


def _short(command: Sequence[str]) -> list[str]:
    return [Path(part).name for part in command]
