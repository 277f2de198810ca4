from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from babelmesh.cli.microphone import KEPT_CHUNKS, Microphone, microphone
from babelmesh.client.errors import AudioUnreadable

CHUNK = bytes(3200)


async def test_what_was_spoken_before_the_stop_is_still_handed_out() -> None:
    spoken = Microphone()
    spoken.spoken(CHUNK)
    spoken.spoken(CHUNK)
    spoken.stop()
    assert [chunk.offset_samples async for chunk in spoken] == [0, 1600]


async def test_when_nobody_takes_the_audio_the_oldest_is_dropped_and_offsets_tell() -> None:
    spoken = Microphone()
    for _ in range(KEPT_CHUNKS + 5):
        spoken.spoken(CHUNK)
    spoken.stop()
    offsets = [chunk.offset_samples async for chunk in spoken]
    assert (len(offsets), offsets[0]) == (KEPT_CHUNKS, 5 * 1600)


class _Stream:
    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def __enter__(self) -> None:
        self.settings["callback"](CHUNK, 1600, None, None)

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""


def _sounddevice(stream: Any) -> Any:
    return SimpleNamespace(RawInputStream=stream, PortAudioError=OSError)


async def test_the_device_records_chunks_of_100_ms_mono(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", _sounddevice(_Stream))
    with microphone("2") as spoken:
        assert (await anext(aiter(spoken))).pcm == CHUNK


async def test_no_device_is_told_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise OSError("Error querying device -1")

    monkeypatch.setitem(sys.modules, "sounddevice", _sounddevice(refuse))
    with pytest.raises(AudioUnreadable, match="No microphone"), microphone():
        pytest.fail("there is none")


async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(AudioUnreadable, match=r"babelmesh\[mic\]"), microphone():
        pytest.fail("there is none")
