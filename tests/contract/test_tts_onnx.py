"""Neural voices: streamed in windows, in versions, with speakers, and refused when they are not what they should be."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from services.common.audio.pcm import Pcm, from_bytes
from services.common.errors import InvalidArgument, StageFailed
from services.common.neural.bundles import file_sum
from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.engines.onnx.engine import Engine
from services.tts.settings import TtsSettings
from tests.mesh.tts import needs_espeak
from tests.models.tts.judge import distance, features
from tests.models.tts.speech import kept_apart, said, sentences

MODELS = Path(__file__).parents[1] / "models/tts"
SMALL, TWO, MMS = MODELS / "es-small", MODELS / "es-two", MODELS / "es-mms"
TEXT = "Buenos d\u00edas, amigos. El coche est\u00e1 aqu\u00ed."

pytestmark = needs_espeak


@asynccontextmanager
async def serving(*bundles: Path | dict[str, Any], **options: Any) -> AsyncIterator[Engine]:
    settings = {"bundles": bundles, "noise": 0, "duration_noise": 0, **options}
    engine = Engine(TtsSettings.model_validate({"onnx": settings}))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def speech(engine: Engine, text: str = TEXT, voice: Voice | None = None, **fields: Any) -> Pcm:
    clause = Clause(text, voice or engine.voices[0], **fields)
    return from_bytes(b"".join([piece async for piece in engine.synthesize(clause)]))


def changed(source: Path, folder: Path, version: str = "1", **files: Callable[[bytes], bytes]) -> Path:
    """A copy of a bundle with other contents of some files, by their names with _ for a dot."""
    shutil.copytree(source, folder)
    manifest = json.loads((folder / "bundle.json").read_text()) | {"version": version}
    for name in manifest["files"]:
        path = folder / name
        path.write_bytes(files.get(name.replace(".", "_"), bytes)(path.read_bytes()))
        manifest["files"][name] = file_sum(path).model_dump()
    (folder / "bundle.json").write_text(json.dumps(manifest))
    return folder


def with_fields(**fields: Any) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | fields).encode()


def with_symbols(symbols: str, number: int) -> Callable[[bytes], bytes]:
    return with_fields(phoneme_id_map={symbol: [number] for symbol in symbols})


async def test_what_it_says_is_nearest_to_what_espeak_says_of_the_same_sentence() -> None:
    texts = kept_apart(sentences())[::3]
    async with serving(SMALL) as engine:
        made = [features((await speech(engine, text) / 32_768).astype(np.float32)) for text in texts]
    known = [features(said(text)) for text in texts]
    nearest = [int(np.argmin([distance(mine, others) for others in known])) for mine in made]
    assert nearest == list(range(len(texts)))


@pytest.mark.parametrize("folder", [SMALL, TWO, MMS])
async def test_windows_of_any_length_make_the_same_samples(folder: Path) -> None:
    made = []
    for first_ms, window_ms in ((50, 50), (70, 300), (5_000, 10_000)):
        async with serving(folder, first_ms=first_ms, window_ms=window_ms) as engine:
            made.append((await speech(engine)).astype(np.int32))
    assert len(made[0]) > 0
    assert all(len(each) == len(made[0]) and np.abs(each - made[0]).max() <= 4 for each in made)


async def test_a_decoder_that_cannot_be_split_speaks_whole_sentences_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def rounded(content: bytes) -> bytes:
        model = onnx.load_from_string(content)
        last = model.graph.node[-1]
        model.graph.node.append(helper.make_node("Round", ["unrounded"], [last.output[0]]))
        last.output[0] = "unrounded"
        return bytes(model.SerializeToString())

    caplog.set_level(logging.WARNING)
    async with serving(changed(SMALL, tmp_path / "odd", voice_onnx=rounded)) as odd:
        slow, fast = await speech(odd), await speech(odd, speaking_rate=2.0)
    assert len(slow) > 1.5 * len(fast) > 0
    assert len([each for each in caplog.records if "voice computed whole" in each.message]) == 1


async def test_speakers_are_voices_of_their_own() -> None:
    async with serving(TWO) as engine:
        assert [voice.name for voice in engine.voices] == ["es-two#ana", "es-two#luis"]
        ana, luis = [await speech(engine, voice=voice) for voice in engine.voices]
    assert len(ana) != len(luis) or np.abs(ana.astype(int) - luis).max() > 100


async def test_speakers_and_rates_of_one_batch_are_each_their_own() -> None:
    async with serving(TWO, batch_items=8, batch_wait_ms=50) as engine:
        asked = [(voice, text, rate) for voice in engine.voices for text in ("hola", TEXT) for rate in (0.8, 1.3)]
        alone = [await speech(engine, text, voice, speaking_rate=rate) for voice, text, rate in asked]
        calls = [speech(engine, text, voice, speaking_rate=rate) for voice, text, rate in asked]
        together = await asyncio.gather(*calls)
    for mine, others in zip(alone, together, strict=True):
        assert len(mine) == len(others)
        assert np.abs(mine.astype(int) - others).max() <= 1


async def test_voices_of_several_rates_have_one() -> None:
    async with serving(SMALL) as own, serving(SMALL, TWO) as both, serving(SMALL, sample_rate_hertz=8_000) as low:
        assert [each.sample_rate_hertz for each in (own, both, low)] == [16_000, 22_050, 8_000]
        seconds = [len(await speech(each)) / each.sample_rate_hertz for each in (own, both, low)]
    assert max(seconds) - min(seconds) < 0.001


async def test_two_versions_share_the_sessions_and_are_measured_each(tmp_path: Path) -> None:
    slower = with_fields(inference={"noise_scale": 0, "noise_w": 0, "length_scale": 1.5})
    second = changed(SMALL, tmp_path / "second", version="2", voice_onnx_json=slower)
    async with serving({"path": SMALL, "weight": 1}, {"path": second, "weight": 1}) as engine:
        assert [voice.name for voice in engine.voices] == ["es-small"]
        lengths = [len(await speech(engine, "hola", affinity=affinity)) for affinity in range(12)]
        again = [len(await speech(engine, "hola", affinity=affinity)) for affinity in range(12)]
        measured = {version.version: (version.calls, version.means) for version, _ in engine.versions}
    assert again == lengths
    assert len(set(lengths)) == 2
    assert sum(calls for calls, _ in measured.values()) == 24
    for _, means in measured.values():
        assert means["rtf"] > 0
        assert means["clipped"] == 0
        assert 0 < means["silence"] < 0.5


async def test_a_pronounced_word_sounds_different_and_the_rest_as_before() -> None:
    async with serving(SMALL) as engine:
        known = Pronunciation("coche", "ka\u02c8me\u027eo")
        plain = await speech(engine, "el coche rojo")
        other = await speech(engine, "el coche rojo", pronunciations=(known,))
        absent = await speech(engine, "la casa roja", pronunciations=(known,))
        assert set("kame\u027eo") <= set(await engine.symbols("es"))
        assert np.array_equal(absent, await speech(engine, "la casa roja"))
    assert len(plain) != len(other)


async def test_a_voice_of_characters_takes_no_pronunciations() -> None:
    async with serving(MMS) as engine:
        assert not engine.pronounces
        assert await engine.symbols("es") == ()
        assert len(await speech(engine))


async def test_noise_makes_every_answer_another() -> None:
    for folder in (TWO, MMS):
        async with serving(folder, noise=0.6 if folder == MMS else 1.5) as engine:
            first, second = await speech(engine), await speech(engine)
        assert len(first) == len(second)
        assert not np.array_equal(first, second)


async def test_a_clause_whose_phonemes_nobody_tells_fails_and_is_counted(tmp_path: Path) -> None:
    program = tmp_path / "espeak-ng"
    program.symlink_to(str(shutil.which("espeak-ng")))
    async with serving(SMALL, program=str(program)) as engine:
        await speech(engine)
        program.unlink()
        with pytest.raises(StageFailed) as failed:
            await speech(engine)
        assert failed.value.code == "TTS_ENGINE_FAILED"
        ((version, _),) = engine.versions
        assert (version.calls, version.failures) == (1, 1)


def refusals() -> Sequence[tuple[Path, dict[str, Any], str]]:
    return [
        (SMALL, {"voice_onnx": lambda _: b"no model"}, "voice.onnx"),
        (SMALL, {"voice_onnx_json": lambda _: b"{}"}, "audio"),
        (SMALL, {"voice_onnx_json": with_fields(phoneme_type="pinyin")}, "pinyin"),
        (SMALL, {"voice_onnx_json": with_fields(phoneme_id_map={"_": [0]})}, "$ and ^"),
        (
            SMALL,
            {"voice_onnx_json": with_symbols("_^$ae", 999)},
            "symbols",
        ),
        (SMALL, {"voice_onnx_json": with_fields(espeak={"voice": "xx-none"})}, "xx-none"),
        (SMALL, {"voice_onnx_json": with_fields(num_speakers=2)}, "sid"),
        (MMS, {"tokenizer_config_json": with_fields(is_uroman=True)}, "uroman"),
        (MMS, {"tokenizer_config_json": with_fields(phonemize=True)}, "phonemes"),
        (MMS, {"model_onnx": lambda _: (SMALL / "voice.onnx").read_bytes()}, "input_ids"),
    ]


@pytest.mark.parametrize(("source", "files", "told"), refusals())
async def test_what_is_no_voice_is_refused_by_what_is_wrong(
    source: Path, files: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        async with serving(changed(source, tmp_path / "wrong", **files)):
            pass
    assert refused.value.code == "BUNDLE_UNUSABLE"
    assert told in refused.value.message


async def test_other_speakers_under_the_same_name_are_refused(tmp_path: Path) -> None:
    other = changed(TWO, tmp_path / "other", voice_onnx_json=with_fields(speaker_id_map={"eva": 0, "luis": 1}))
    with pytest.raises(InvalidArgument, match="speakers"):
        async with serving(TWO, other):
            pass


async def test_without_a_bundle_it_says_how_to_get_one() -> None:
    with pytest.raises(InvalidArgument, match="babelmesh models"):
        async with serving():
            pass
