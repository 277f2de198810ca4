"""Kokoro's symbols, the joints of its windows, and its engine on a network that is made here."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from services.common.audio.pcm import Pcm, from_bytes
from services.common.errors import InvalidArgument
from services.tts.engine import Clause, Pronunciation
from services.tts.engines.embedded.phonemes import phonemes
from services.tts.engines.kokoro.engine import Engine
from services.tts.engines.kokoro.levels import LEVEL, LEVELS, gain
from services.tts.engines.kokoro.splicing import Splicer
from services.tts.engines.kokoro.symbols import IDS, LANGUAGES, MOST, TIE, Language, split
from services.tts.neural.phonemizer import Phonemizer
from services.tts.settings import TtsSettings
from tests.models.tts import kokoro

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
BY_TAG = {language.tag: language for language in LANGUAGES}


def test_there_are_as_many_symbols_as_the_network_knows() -> None:
    assert len(IDS) == 114
    assert max(IDS.values()) == 177
    assert len(set(IDS.values())) == len(IDS)


@needs_espeak
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda each: each.tag)
async def test_every_sound_of_a_language_has_a_symbol(language: Language) -> None:
    known = await phonemes("espeak-ng", language.espeak_voice)
    assert len(known.names) > 30
    foreign = set("\u0291\u0290\u026d\u0280")  # that espeak-ng has for words of other languages
    assert not {sound: left for sound in known.names if (left := language.unknown(sound) - foreign)}


@needs_espeak
@pytest.mark.parametrize(
    ("tag", "text", "written"),
    [
        ("es", "el chico", "el \u02a7\u02c8iko"),
        ("en-US", "my boy", "mI b\u02c8Y"),
        ("it", "pizza", "p\u02c8i\u02a6\u02d0a"),
    ],
)
async def test_affricates_and_diphthongs_are_one_symbol(tag: str, text: str, written: str) -> None:
    language = BY_TAG[tag]
    phonemizer = Phonemizer("espeak-ng", language.espeak_voice, 10.0, TIE)
    await phonemizer.start()
    [told] = await phonemizer.phonemes([text])
    assert not language.unknown(told)
    assert language.written(told) == written


def test_a_pronunciation_is_written_with_stress_before_the_vowel() -> None:
    assert BY_TAG["es"].written(BY_TAG["es"].pronounced("\u02c8t\u0283iko")) == "\u02a7\u02c8iko"


def test_long_sentences_are_cut_at_marks_and_between_words() -> None:
    sentence = ", ".join(["palabra " * 20] * 12)
    parts = split(sentence, 100)
    assert all(0 < len(part) <= 100 for part in parts)
    assert "".join(parts).replace(" ", "") == sentence.replace(" ", "")
    assert sum(part.endswith(",") for part in parts) >= 10
    assert [len(part) for part in split("a" * 1100, MOST)] == [510, 510, 80]
    assert split(" , ") == []


def test_windows_of_other_phases_are_joined_without_a_click_or_a_gap() -> None:
    times = np.arange(24_000) / 24_000
    windows = [np.sin(2 * np.pi * 130 * times + phase).astype(np.float32) for phase in (0.0, 2.0, 4.5)]
    splicer = Splicer(fade=240, most_shift=150)
    speech = np.concatenate([splicer.joined(window, 6_000, 18_000) for window in windows])
    assert len(speech) == 3 * 12_000
    steps = np.abs(np.diff(speech))
    assert steps.max() < 1.1 * 2 * np.pi * 130 / 24_000
    loudness = np.sqrt((speech.reshape(-1, 400) ** 2).mean(axis=1))
    assert loudness.min() > 0.6


def test_voices_are_made_equally_loud() -> None:
    assert all(LEVEL - 0.5 <= LEVELS[name] + 20 * np.log10(gain(name)) <= LEVEL + 0.5 for name in LEVELS)
    assert gain("ef_nobody") == 1.0


@needs_espeak
async def test_a_clause_is_spoken_without_the_pads_whatever_the_windows(tmp_path: Path) -> None:
    kokoro.bundle(tmp_path)
    short = await _speech(tmp_path, "Hola, amigos.", first_ms=100, window_ms=200)
    whole = await _speech(tmp_path, "Hola, amigos.", window_ms=0)
    assert len(short) == len(whole)
    np.testing.assert_allclose(short.astype(int), whole.astype(int), atol=4)
    assert 0.25 < len(whole) / 24_000 < 0.6  # 14 symbols


@needs_espeak
async def test_voices_are_named_as_kokoros_and_the_best_comes_first(tmp_path: Path) -> None:
    kokoro.bundle(tmp_path)
    engine = await _engine(tmp_path)
    told = [(voice.name, voice.language) for voice in engine.voices]
    assert told == [("ef_dora", "es"), ("em_alex", "es"), ("af_heart", "en-US")]
    assert list(engine.networks) == [engine.voices]
    assert "t\u0283" in await engine.symbols("es")
    await engine.stop()


@needs_espeak
async def test_a_pronunciation_replaces_words(tmp_path: Path) -> None:
    kokoro.bundle(tmp_path)
    said = (Pronunciation("x", "\u02c8a\u027ea\u027ea\u027ea"),)
    said_so = await _speech(tmp_path, "x", pronunciations=said)
    assert len(said_so) == (8 + 2) * 600  # symbols, and the pads


@pytest.mark.parametrize("broken", ["another network", "no voice", "another language"])
async def test_a_bundle_that_is_none_is_refused(tmp_path: Path, broken: str) -> None:
    if broken == "another network":
        kokoro.bundle(tmp_path, kokoro.model("/other/MatMul"))
    elif broken == "no voice":
        kokoro.bundle(tmp_path, voices=["ef_dora"])
    else:
        kokoro.bundle(tmp_path, languages=["ja"])
    with pytest.raises(InvalidArgument, match=r"MatMul_1|no voice of en-US|names ja"):
        await _engine(tmp_path)


async def _engine(folder: Path, **options: int) -> Engine:
    engine = Engine(TtsSettings.model_validate({"kokoro": {"bundles": [folder], "device": "cpu", **options}}))
    await engine.start()
    return engine


async def _speech(folder: Path, text: str, pronunciations: tuple[Pronunciation, ...] = (), **options: int) -> Pcm:
    engine = await _engine(folder, **options)
    clause = Clause(text, engine.voices[0], pronunciations=pronunciations)
    pieces = [piece async for piece in engine.synthesize(clause)]
    await engine.stop()
    return from_bytes(b"".join(pieces))
