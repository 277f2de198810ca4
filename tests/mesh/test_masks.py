"""Masks through the whole mesh: what nobody is shown, told or asked to translate."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from services.common.errors import Unsupported
from services.gateway.masking import names
from services.gateway.masking.kinds import CORE
from tests.mesh.checks import check
from tests.mesh.mesh import UTTERANCE, Heard, chunks, gateway, hello, loud, quiet, talk, text
from tests.mesh.resuming import joined, lost_after, resumed, resuming

SAID = UTTERANCE + loud(1.0) + quiet(1.0)
SPOKEN_CARD = ("my card is four two four two ", "four two four two four two four ", "two four two four two thanks")


@pytest.fixture
async def stub() -> AsyncIterator[pb_grpc.RealtimeTranslateAsyncStub]:
    async with gateway() as client:
        yield client


def shown(heard: Heard) -> str:
    """All text that the client was sent, of whatever kind."""
    return " ".join([each.text for kind in ("asr", "translation", "tts") for each in heard.of(kind)])


async def test_a_card_in_three_chunks_is_nowhere_and_its_placeholder_is_in_every_language(
    stub: pb_grpc.RealtimeTranslateAsyncStub,
) -> None:
    asked = hello("es", "fr", mask_pii=True)
    heard = await talk(stub, asked, *map(text, SPOKEN_CARD), text("", final=True))
    assert heard.fault is None
    assert heard.transcripts() == ["my card is [card] thanks"]
    assert heard.finals("es") == ["my-es card-es is-es [card] thanks-es"]
    assert heard.finals("fr") == ["my-fr card-fr is-fr [card] thanks-fr"]
    assert "[card]" in " ".join(each.text for each in heard.of("tts"))
    assert "four" not in shown(heard)
    assert "two" not in shown(heard)


async def test_an_address_in_two_chunks_is_nowhere(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    heard = await talk(
        stub, hello("es", mask_pii=True), text("write to jo.smith@exam"), text("ple.org now", final=True)
    )
    assert heard.finals("es") == ["write-es to-es [email] now-es"]
    assert "smith" not in shown(heard)
    assert "exam" not in shown(heard)


async def test_ready_tells_what_is_masked(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    masking = pb.Masking(pii_kinds=["card", "phone"], omit_casing=True)
    heard = await talk(stub, hello("es", mask_pii=True, mask_profanity=True, masking=masking), text("X", final=True))
    (ready,) = heard.of("ready")
    assert (ready.config.mask_pii, ready.config.mask_profanity) == (True, True)
    assert ready.config.masking == pb.Masking(
        pii_kinds=["phone", "card"],
        profanity_grade=pb.PROFANITY_GRADE_MILD,
        scope=pb.MASK_SCOPE_EVERYWHERE,
        omit_casing=True,
    )
    assert heard.transcripts() == ["x"]


async def test_what_is_only_masked_in_store_is_shown_as_it_was_said(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    masking = pb.Masking(scope=pb.MASK_SCOPE_STORED)
    heard = await talk(stub, hello("es", mask_pii=True, masking=masking), text("call 212 555 0142", final=True))
    assert heard.transcripts() == ["call 212 555 0142"]


async def test_describe_lists_what_can_be_masked(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    described = await stub.Describe(pb.DescribeRequest())
    assert set(described.mask_kinds) >= set(CORE)
    assert {"en", "es", "pt"} <= set(described.profanity_langs)


async def test_names_are_refused_where_nothing_finds_them(
    stub: pb_grpc.RealtimeTranslateAsyncStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "installed", lambda: False)
    heard = await talk(stub, hello("es", mask_pii=True, masking=pb.Masking(pii_kinds=["name"])))
    assert (heard.error().code, heard.error().field) == ("NAMES_NOT_INSTALLED", "hello.masking.pii_kinds[0]")
    assert set(heard.error().accepted) == set(CORE)
    assert isinstance(heard.fault, Unsupported)


async def test_profanity_is_nowhere(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    heard = await talk(stub, hello("es", mask_profanity=True), text("oh shit", final=True))
    assert heard.finals("es") == ["oh-es [profanity]"]


@pytest.mark.parametrize("count", [2, 5, 12, 23, 38, 57])
async def test_a_resumed_session_hides_the_same_wherever_the_connection_breaks(count: int) -> None:
    request = hello("es", mask_pii=True)
    async with gateway(asr={"text": "ann@example.org"}) as stub:
        undisturbed = await talk(stub, request, *chunks(SAID))
        before = await lost_after(stub, count, request, chunks(SAID))
        after = await resumed(stub, resuming(request, before), SAID)
    assert after.fault is None
    heard = joined(before, after)
    check(heard)
    assert heard.transcripts() == undisturbed.transcripts()
    assert "[email]" in heard.transcripts()[0]
    assert heard.finals("es") == undisturbed.finals("es")
    assert "example" not in shown(heard).lower()


async def test_a_text_alone_is_masked_before_it_is_translated(stub: pb_grpc.RealtimeTranslateAsyncStub) -> None:
    said = "write to ann@example.org, shit"
    request = pb.TranslateTextRequest(text=said, source_lang="en", target_langs=["es"], mask_pii=True)
    request.mask_profanity = True
    (made,) = (await stub.TranslateText(request)).translations
    assert made.text.split() == ["write-es", "to-es", "[email],", "[profanity]"]


@pytest.mark.parametrize(
    ("masking", "field"),
    [
        (pb.Masking(pii_kinds=["shoe size"]), "masking.pii_kinds[0]"),
        (pb.Masking(scope=pb.MASK_SCOPE_STORED), "masking.scope"),
    ],
)
async def test_a_text_alone_is_refused_masks_that_it_cannot_have(
    stub: pb_grpc.RealtimeTranslateAsyncStub, masking: pb.Masking, field: str
) -> None:
    request = pb.TranslateTextRequest(
        text="hello", source_lang="en", target_langs=["es"], mask_pii=True, masking=masking
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.TranslateText(request)
    assert field in str(refused.value.trailing_metadata())
