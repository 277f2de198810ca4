"""What a service's process leaves behind, and writes past our logs."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import os, subprocess, sys
from resource import RLIMIT_CORE, getrlimit
from services.common.server.lifecycle import run
from services.common.errors import InvalidArgument

def make():
    look = [sys.executable, "-c", "from resource import *; print(getrlimit(RLIMIT_CORE))"]
    child = subprocess.run(look, capture_output=True, text=True, check=True).stdout.strip()
    raise InvalidArgument("SEEN", f"{getrlimit(RLIMIT_CORE)} {child} {os.environ.get('GRPC_VERBOSITY')}")

run("any", make)
"""


def test_a_service_and_its_programs_leave_no_core_file_and_grpc_is_silent() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "any cannot start: (0, 0) (0, 0) NONE"


DISCONNECTED = """
import asyncio
from services.common.server.hardening import harden
harden()
import grpc

async def send_away(reader, writer):
    writer.write(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    await reader.readexactly(24)
    writer.write(bytes([0, 0, 8, 7, 0, 0, 0, 0, 0]) + bytes(4) + bytes([0, 0, 0, 2]))
    writer.close()

async def main():
    server = await asyncio.start_server(send_away, "127.0.0.1", 0)
    where = "127.0.0.1:" + str(server.sockets[0].getsockname()[1])
    async with grpc.aio.insecure_channel(where) as channel:
        try:
            await channel.unary_unary("/any.Service/Method")(b"")
        except grpc.RpcError:
            print("lost")

asyncio.run(main())
"""


def test_grpc_says_no_address_on_stderr_when_a_peer_sends_it_away() -> None:
    done = subprocess.run([sys.executable, "-c", DISCONNECTED], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), "127.0.0.1" in done.stderr) == ("lost", False)
