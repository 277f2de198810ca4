"""A gateway and its three stages in one process and on one event loop, on scripted engines: an arm of `hops`.

    python -m bench.capacity.one_process

It prints the port that the gateway serves clients on, and ends when its input does.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from services.asr.servicer import AsrServicer
from services.asr.settings import AsrSettings
from services.common.server.lifecycle import running
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings
from services.mt.servicer import MtServicer
from services.mt.settings import MtSettings
from services.tts.servicer import TtsServicer
from services.tts.settings import TtsSettings


async def serve() -> None:
    """Serve until the input ends. The stages' settings come from the environment, as they do in a mesh."""
    asr, mt, tts = AsrSettings(), MtSettings(), TtsSettings()
    async with AsyncExitStack() as stack:
        ports = [
            await stack.enter_async_context(running(servicer, settings))
            for servicer, settings in ((AsrServicer(asr), asr), (MtServicer(mt), mt), (TtsServicer(tts), tts))
        ]
        names = ("asr_endpoints", "mt_endpoints", "tts_endpoints")
        endpoints: dict[str, Any] = {name: (f"127.0.0.1:{port}",) for name, port in zip(names, ports, strict=True)}
        settings = GatewaySettings(drain_seconds=0, **endpoints)
        port = await stack.enter_async_context(running(GatewayServicer(settings), settings))
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
