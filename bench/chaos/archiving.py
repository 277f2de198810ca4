"""A process that archives without pause until it is killed: what `bench.chaos.archive` kills.

It tells, through a pipe, that it begins, then how much of which part the archive says it has: lines `PART RECORDS`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import SecretStr

from bench.measuring.s3_server import KEY, KEY_ID, REGION
from services.gateway.archive.archive import Archive, Owner
from services.gateway.lifecycle import stored_masker
from services.gateway.settings import GatewaySettings
from services.gateway.values.continuation import beginning
from services.gateway.values.speech import Transcript
from services.gateway.values.terms import Masks

CANARY = "kookaburra"
SECRET = "a secret of the measurement, long enough"
SESSIONS = 3
FLUSH_MS = 10
STARTED = b"started\n"


def settings_of(folder: Path, endpoint: str = "") -> GatewaySettings:
    """Settings of an archive below a folder, whose key for everybody is made where it is missing.

    With the endpoint of an S3-compatible store it is the bucket that has the folder's name.
    """
    keys = folder / "keys"
    keys.mkdir(parents=True, exist_ok=True)
    key = keys / "default.key"
    key.write_text("5a" * 32)
    key.chmod(0o600)
    bucket = {
        "archive_s3_endpoint": endpoint,
        "archive_s3_region": REGION,
        "archive_s3_access_key_id": SecretStr(KEY_ID),
        "archive_s3_secret_access_key": SecretStr(KEY),
        "archive_audit": folder / "audit.log",
    }
    place: dict[str, Any] = {"archive": f"s3://{folder.name}/kept", **bucket} if endpoint else {}
    told = {"archive": str(folder / "kept"), "archive_secret": SecretStr(SECRET), "archive_keys": str(keys), **place}
    return GatewaySettings(**told, archive_flush_ms=FLUSH_MS)


def text_of(session: int, number: int) -> str:
    """The text of a segment of a session, told from any other."""
    return f"{CANARY} {session} says number {number}."


def archive_until_killed(folder: Path, endpoint: str, told: Connection) -> None:
    """Archive sessions that begin, speak and end without pause; say so through a pipe. Never returns."""
    temp = folder / "temp"
    temp.mkdir()
    tempfile.tempdir = str(temp)
    os.environ["TMPDIR"] = str(temp)
    os.write(told.fileno(), STARTED)
    asyncio.run(_archive(settings_of(folder, endpoint), told.fileno()))


async def _archive(settings: GatewaySettings, out: int) -> None:
    archive = Archive(settings, partial(stored_masker, settings))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(archive.run())
        for session in range(SESSIONS):
            tasks.create_task(_speak(archive, session, out))


async def _speak(archive: Archive, session: int, out: int) -> None:
    langs = {"targets": (), "spoken_langs": ("en",), "source_lang": "en"}
    terms: Any = SimpleNamespace(session_id=f"session-{session}", masks=Masks(), **langs)
    call = 0
    while True:
        call += 1
        metadata = (("babelmesh-subject", f"{CANARY} {session}"),)
        async with archive.recording(Owner(), metadata, terms, beginning(terms.session_id)) as recorder:
            told = 0
            for number in range(1, 100 * call):
                text = text_of(session, number)
                recorder.transcript(Transcript(number, 1, True, text, len(text)), "en")
                recorder.translation(Transcript(number, 1, True, text, len(text)), "es", text)
                await asyncio.sleep(0.001)
                if (kept := recorder.progress.kept) > told:
                    os.write(out, f"{recorder.part} {kept}\n".encode())
                    told = kept
