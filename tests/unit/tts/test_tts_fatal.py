"""A program that dies of a text is not asked the same again."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.common.engines.fatal_texts import MOST_DEATHS
from services.common.errors import InvalidArgument, StageFailed
from services.tts import espeak

DIES = "#!/bin/sh\necho asked >> {log}\ntext=$(cat)\ncase $text in *deadly*) kill -SEGV $$ ;; esac\necho said\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Stands for espeak-ng; one word ends it."""
    path = tmp_path / "espeak-ng"
    path.write_text(DIES.format(log=tmp_path / "log"))
    path.chmod(0o755)
    return path


async def speak(program: Path, text: str) -> bytes:
    return b"".join([piece async for piece in espeak.speech(str(program), (), text)])


async def test_a_text_is_refused_by_name_after_two_programs_died_of_it(program: Path) -> None:
    for _ in range(MOST_DEATHS):
        with pytest.raises(StageFailed) as failed:
            await speak(program, "a deadly text")
        assert failed.value.code == "TTS_ENGINE_FAILED"
    with pytest.raises(InvalidArgument) as refused:
        await speak(program, "a deadly text")
    assert (refused.value.code, refused.value.stage) == ("TTS_QUARANTINED", "TTS")
    assert (program.parent / "log").read_text().count("asked") == MOST_DEATHS


async def test_other_texts_are_spoken_meanwhile(program: Path) -> None:
    for _ in range(MOST_DEATHS):
        with pytest.raises(StageFailed):
            await speak(program, "another deadly text")
    assert await speak(program, "a harmless text") == b"said\n"
    assert await espeak.answer(str(program), (), "a harmless text") == "said\n"


@pytest.mark.parametrize("words", [99, 100, 101, 1000])
def test_no_sentence_is_endless(words: int) -> None:
    said = espeak.spoken("word " * words)
    assert max(len(part.split()) for part in said.split(",")) <= 100
    assert said.replace(",", "").split() == ["word"] * words
