"""How much audio a recognizer is sent in one message."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.stages.recognizing import Recognizing
from services.gateway.values.speech import Audio
from tests.mesh.mesh import UTTERANCE, chunks, gateway, hello, talk

RATE = 16_000


@pytest.mark.parametrize(
    ("settings", "sent_ms", "shortest_ms"),
    [({}, 20, 100), ({"recognizer_message_ms": 20}, 20, 20), ({"recognizer_message_ms": 20}, 60, 60)],
    ids=["as it is", "shorter", "shorter than the client's"],
)
async def test_audio_travels_in_messages_at_least_as_long_as_is_set(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, int], sent_ms: int, shortest_ms: int
) -> None:
    lengths: list[int] = []
    write = Recognizing.write

    async def counted(recognizing: Recognizing, asked: Any, *rest: Any) -> None:
        if isinstance(asked, Audio):
            lengths.append(len(asked.pcm) * 1000 // RATE)
        await write(recognizing, asked, *rest)

    monkeypatch.setattr(Recognizing, "write", counted)
    async with gateway(**settings) as stub:
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE, sent_ms / 1000))
    assert len(heard.transcripts()) == 1
    assert min(lengths[:-1]) == shortest_ms  # what waits meanwhile travels together
    assert sum(lengths) == len(UTTERANCE) // 2 * 1000 // RATE
