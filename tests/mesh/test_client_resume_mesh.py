"""The resuming client against a whole mesh."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable

import pytest

import babelmesh
from babelmesh.client import gateways
from babelmesh.client.events import Event, SessionConfig
from tests.mesh.mesh import UTTERANCE, gateway_address, loud, quiet
from tests.mesh.relay import Relay, relay

pytestmark = pytest.mark.clock

PCM = 4 * UTTERANCE
CHUNK = 3200


async def _spoken(link: Relay, cuts: Iterable[int]) -> AsyncIterator[bytes]:
    """Twice as fast as it was spoken; the connections are cut before some of the chunks."""
    for number, start in enumerate(range(0, len(PCM), CHUNK)):
        if number in cuts:
            link.cut()
        yield PCM[start : start + CHUNK]
        await asyncio.sleep(0.05)


async def _heard(cuts: Iterable[int]) -> tuple[list[Event], int]:
    async with (
        gateway_address() as address,
        relay(address) as (through, link),
        babelmesh.connect(through) as mesh,
        mesh.session("en", ["es", "fr"], SessionConfig(partial_results=True)) as session,
    ):
        return [event async for event in session.translate(_spoken(link, cuts))], link.connections


@pytest.mark.parametrize("cuts", [{7}, {22, 35}, set(range(5, 120, 9))])
async def test_a_session_cut_on_the_way_is_whole(cuts: set[int]) -> None:
    events, connections = await _heard(cuts)
    assert connections > len(cuts)
    _assert_texts_stand(events)
    transcripts = [each for each in events if isinstance(each, babelmesh.AsrResult) and each.final]
    assert [each.segment_id for each in transcripts] == [1, 2, 3, 4]
    assert not any(isinstance(each, babelmesh.Error) for each in events)
    for lang in ("es", "fr"):
        finals = {
            each.segment_id: each.text
            for each in events
            if isinstance(each, babelmesh.TranslationResult) and each.final and each.target_lang == lang
        }
        assert list(finals) == [1, 2, 3, 4]
        assert _said(events, lang) == finals, "each translation is spoken once, whole"
    assert [each.target_lang for each in events if isinstance(each, babelmesh.End)][-1] == ""
    assert len([each for each in events if isinstance(each, babelmesh.End)]) == 3


async def test_open_speech_that_was_never_shown_is_gone_on_with_beside_text() -> None:
    async with (
        gateway_address() as address,
        relay(address) as (through, link),
        babelmesh.connect(through) as mesh,
        mesh.session("en", "es") as session,
    ):
        await session.send_audio(loud(1.5))
        await session.ping("heard")
        events: list[Event] = []
        async for event in session:
            events.append(event)
            if isinstance(event, babelmesh.Marker):
                await session.send_text("typed", final=True)
            elif isinstance(event, babelmesh.AsrResult) and event.text == "typed":
                assert event.segment_id == 2
                link.cut()
                await session.send_audio(loud(1.0) + quiet(1.0))
                await session.send_text("more", final=True)
                await session.end()
    assert link.connections == 2
    texts = {each.segment_id: each.text for each in events if isinstance(each, babelmesh.AsrResult)}
    assert len([each for each in events if isinstance(each, babelmesh.AsrResult)]) == 3
    assert (texts[2], texts[3]) == ("typed", "more")
    assert len(texts[1].split()) > 3
    finals = [each.segment_id for each in events if isinstance(each, babelmesh.TranslationResult) and each.final]
    assert sorted(finals) == [1, 2, 3]


async def test_a_link_that_breaks_while_it_connects_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        gateways, "REFUSED_SECONDS", 0.0
    )  # a link that loses packets breaks later than one that refuses
    async with gateway_address() as address, relay(address) as (through, link), babelmesh.connect(through) as mesh:
        link.breaking = 1
        async with mesh.session("en", ["es"]) as session:
            assert session.ready.session_id
    assert link.connections > 1


def _assert_texts_stand(events: Iterable[Event]) -> None:
    """Revisions rise, and what is concluded stays."""
    known: dict[tuple[str, int], tuple[int, str]] = {}
    for event in events:
        if isinstance(event, babelmesh.AsrResult | babelmesh.TranslationResult):
            about = (getattr(event, "target_lang", ""), event.segment_id)
            revision, concluded = known.get(about, (0, ""))
            assert event.revision > revision
            assert event.text.startswith(concluded) or getattr(event, "corrected", False)
            known[about] = (event.revision, event.text if event.final else event.text[: event.stable_length])


def _said(events: Iterable[Event], lang: str) -> dict[int, str]:
    """The clauses of each segment, in order. Raises AssertionError where the voice's clock or its turns jump."""
    clauses: dict[int, list[str]] = defaultdict(list)
    samples, speaking = 0, False
    for event in events:
        if isinstance(event, babelmesh.SpeechEvent) and event.target_lang == lang:
            speaking = not speaking
        if isinstance(event, babelmesh.TtsChunk) and event.target_lang == lang:
            assert speaking
            assert event.offset_ms == samples * 1000 // event.sample_rate
            samples += len(event.data) // 2
            clauses[event.segment_id] += [event.text] if event.text else []
    assert not speaking
    return {number: " ".join(each) for number, each in clauses.items()}
