"""Settings of a gateway that archives into a folder, and what lies in it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.gateway.archive.cabinet import Cabinet
from services.gateway.archive.receipts import Wanted
from services.gateway.settings import GatewaySettings
from tests.mesh.mesh import Heard, read_into

SECRET = "the archive's own secret, long enough"
OPERATOR = "officer:a secret of the operator that is long enough"


def archiving(folder: Path, tenants: tuple[str, ...] = ("default",), **more: Any) -> dict[str, Any]:
    """Settings for an archive below a folder, with keys for some tenants."""
    keys = folder / "keys"
    keys.mkdir(exist_ok=True)
    for number, tenant in enumerate(tenants):
        (keys / f"{tenant}.key").write_text(f"{number:064x}")
        (keys / f"{tenant}.key").chmod(0o600)
    kept = {"archive": str(folder / "kept"), "archive_secret": SECRET, "archive_keys": str(keys)}
    return {**kept, "archive_operators": OPERATOR, "archive_flush_ms": 20, **more}


def cabinet_of(folder: Path) -> Cabinet:
    """The archive below a folder."""
    names = {"archive": str(folder / "kept"), "archive_keys": str(folder / "keys")}
    kept: dict[str, Any] = {**names, "archive_secret": SECRET}
    return Cabinet.of(GatewaySettings(**kept))


async def records(folder: Path, wanted: Wanted | None = None) -> list[dict[str, Any]]:
    """All that is archived below a folder, by part and in order."""
    cabinet = cabinet_of(folder)
    found = []
    for part in await cabinet.find(wanted or Wanted()):
        found += [json.loads(record.partition(b"\n")[0]) for record in (await cabinet.read(part)).records]
    return found


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, keys of tenants left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "keys" not in path.parts
    }


async def talk_as(
    tenant: str, stub: pb_grpc.RealtimeTranslateAsyncStub, *messages: pb.ClientMessage, person: str = ""
) -> Heard:
    """A call of a tenant, about a person, to its end."""
    heard = Heard()
    call: Any = stub.Stream(metadata=(("x-tenant", tenant), ("babelmesh-subject", person)))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read_into(heard, call))
        for message in messages:
            await call.write(message)
        await call.done_writing()
    return heard
