"""How many objects an hour of a session leaves in an S3-compatible store.

    python -m bench.capacity.archived_hour [--segments 900]

The texts of an hour are archived, each final transcript and each final translation in a write of its own, which is the
most that a gateway writes. Objects are counted at three quarters, as a killed gateway would leave them, and at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from bench.chaos.archiving import settings_of, text_of
from bench.measuring.report import Rows, at_most, finish
from bench.measuring.s3_server import make_bucket, s3_server
from services.gateway.archive.archive import Archive, Owner
from services.gateway.archive.cabinet import Cabinet
from services.gateway.archive.receipts import Wanted
from services.gateway.archive.recorder import Recorder
from services.gateway.archive.s3_store import S3Store
from services.gateway.archive.sealing import State
from services.gateway.lifecycle import stored_masker
from services.gateway.settings import GatewaySettings
from services.gateway.values.continuation import beginning
from services.gateway.values.speech import Transcript
from services.gateway.values.terms import Masks

MOST_OBJECTS = 200


def main() -> None:
    """Print the counts; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=900)
    segments = parser.parse_args().segments
    with TemporaryDirectory(prefix="babelmesh-archive-") as folder, s3_server() as endpoint:
        make_bucket(endpoint, "hour")
        place = Path(folder) / "hour"
        killed, ended, texts = asyncio.run(archived(settings_of(place, endpoint), segments))
    table = Rows("An archived hour", ("segments", "writes", "objects, killed at 3/4", "objects at the end"))
    table.add(segments, 2 * segments, killed, ended)
    goals = {
        "archived_hour.objects": at_most(max(killed, ended), MOST_OBJECTS),
        "archived_hour.lost": at_most(2 * segments - texts, 0),
    }
    sys.exit(not finish("archived-hour", [table], goals))


async def archived(settings: GatewaySettings, segments: int) -> tuple[int, int, int]:
    """Archive a session; return how many objects there are at three quarters and at the end, and how many texts."""
    archive = Archive(settings, partial(stored_masker, settings))
    langs = {"targets": (), "spoken_langs": ("en",), "source_lang": "en"}
    terms: Any = SimpleNamespace(session_id="session", masks=Masks(), **langs)
    store = Cabinet.of(settings).store
    assert isinstance(store, S3Store)
    async with archive.recording(Owner(), (), terms, beginning(terms.session_id)) as recorder:
        await speak(archive, recorder, range(segments * 3 // 4))
        killed = len(list(store.objects()))
        await speak(archive, recorder, range(segments * 3 // 4, segments))
    await archive.flush()
    ended = len(list(store.objects()))
    (part,) = await Cabinet.of(settings).find(Wanted())
    opened = await Cabinet.of(settings).read(part)
    assert opened.state is State.WHOLE
    return killed, ended, sum(b'"text"' in record for record in opened.records)


async def speak(archive: Archive, recorder: Recorder, numbers: range) -> None:
    """Conclude segments, and write each text by itself."""
    for number in numbers:
        text = text_of(0, number)
        said = Transcript(number + 1, 1, True, text, len(text))
        recorder.transcript(said, "en")
        await archive.flush()
        recorder.translation(said, "es", text)
        await archive.flush()


if __name__ == "__main__":
    main()
