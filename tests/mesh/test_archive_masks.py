"""What an archive keeps of sessions in which something is masked, for everybody or in storage alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.archived import archiving, records
from tests.mesh.mesh import gateway, hello, talk, text

SEGMENTS = ("my card is four two four two", "four two four two four two four two four two four two thanks")
STORED = pb.Masking(scope=pb.MASK_SCOPE_STORED)


@pytest.mark.parametrize("masking", [STORED, pb.Masking()], ids=["stored", "everywhere"])
async def test_what_is_masked_is_archived_with_placeholders_also_where_people_see_it(
    tmp_path: Path, masking: pb.Masking
) -> None:
    async with gateway(**archiving(tmp_path, archive_audio=True)) as stub:
        heard = await talk(
            stub, hello("es", mask_pii=True, masking=masking), *(text(each, final=True) for each in SEGMENTS)
        )
    (ready,) = heard.of("ready")
    assert (ready.archived, ready.audio_archived) == (True, False)
    assert (heard.transcripts() == list(SEGMENTS)) == (masking == STORED)
    kept = [(each["kind"], each["text"]) for each in await records(tmp_path) if "text" in each]
    assert [text for kind, text in kept if kind == "source"] == ["my card is [card]", "[card] thanks"]
    assert not [text for _, text in kept if "four" in text or "two" in text]
    translations = [text for kind, text in kept if kind == "translation"]
    assert len(translations) == len(SEGMENTS)
    assert all("[card]" in each for each in translations)


async def test_ready_tells_that_audio_is_kept(tmp_path: Path) -> None:
    async with gateway(**archiving(tmp_path, archive_audio=True)) as stub:
        heard = await talk(stub, hello("es"), text("hello", final=True))
    (ready,) = heard.of("ready")
    assert (ready.archived, ready.audio_archived) == (True, True)
