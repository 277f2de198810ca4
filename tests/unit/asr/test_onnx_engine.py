from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Terms
from services.asr.engines.onnx.engine import Engine
from services.asr.engines.onnx.greedy import GreedyTransducer
from services.asr.engines.onnx.model import Model
from services.asr.settings import AsrSettings
from services.common.audio.pcm import Pcm
from services.common.errors import AtCapacity, InvalidArgument, StageFailed
from tests.unit.asr import levels
from tests.unit.asr.levels import BETWEEN, STEP_SAMPLES, bundle, said

CLOCK = 70_000


@asynccontextmanager
async def running(*bundles: Path | dict[str, Any], slots: int = 8, **options: Any) -> AsyncIterator[Engine]:
    engine = Engine(AsrSettings(slots=slots, onnx={"bundles": list(bundles), "device": "cpu", **options}))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


async def heard(*items: Pcm | Terms, chunk: int = 1600) -> AsyncIterator[Heard]:
    offset = CLOCK
    for item in items:
        if isinstance(item, Terms):
            yield item
            continue
        for start in range(0, len(item), chunk):
            yield Speech(item[start : start + chunk], offset + start)
        yield Endpoint()
        offset += len(item)


async def guesses(engine: Engine, *items: Pcm | Terms, affinity: int = 0, chunk: int = 1600) -> list[Hypothesis]:
    return [each async for each in engine.recognize(heard(*items, chunk=chunk), "en-US", affinity)]


async def texts(engine: Engine, *items: Pcm | Terms, affinity: int = 0) -> list[str]:
    return [each.text for each in await guesses(engine, *items, affinity=affinity) if each.final]


@pytest.mark.parametrize(
    ("layout", "options"),
    [("nemo-transducer", {}), ("nemo-transducer", {"decoding": "beam"}), ("nemo-ctc", {})],
    ids=["transducer", "beam", "ctc"],
)
async def test_the_words_that_were_said_are_heard(tmp_path: Path, layout: str, options: dict[str, Any]) -> None:
    async with running(bundle(tmp_path / "levels", layout), **options) as engine:
        one, other = said("▁one", "", "▁two", "ty"), said("▁new", "▁york")
        assert await texts(engine, one, other) == ["one twoty", "new york"]


async def test_sessions_that_share_batches_hear_their_own_words(tmp_path: Path) -> None:
    spoken = [["▁one", "▁two"], ["▁two", "ty"], ["▁new", "▁york", "▁one"], ["▁york"], ["▁ann", "ty", "▁one"]]
    async with running(bundle(tmp_path / "levels"), max_batch=3) as engine, asyncio.TaskGroup() as group:
        tasks = [group.create_task(texts(engine, said(*pieces), said(*pieces[::-1]))) for pieces in spoken]
    for pieces, task in zip(spoken, tasks, strict=True):
        joined = ["".join(order).replace("▁", " ").strip() for order in (pieces, pieces[::-1])]
        assert task.result() == joined


async def test_the_last_word_is_heard_though_the_audio_ends_with_it(tmp_path: Path) -> None:
    audio = said("▁one", "▁two")[: 2 * STEP_SAMPLES]
    async with running(bundle(tmp_path / "levels")) as engine:
        assert await texts(engine, audio) == ["one two"]


async def test_a_segment_shorter_than_a_window_has_its_final(tmp_path: Path) -> None:
    async with running(bundle(tmp_path / "levels")) as engine:
        found = await guesses(engine, said("▁one")[:200], said("▁two"))
    assert [each.text for each in found if each.final] == ["", "two"]


async def test_words_stand_where_they_came_out_and_within_their_segment(tmp_path: Path) -> None:
    audio = said("▁one", "", "", "▁two", "ty")
    async with running(bundle(tmp_path / "levels")) as engine:
        (final,) = [each for each in await guesses(engine, audio) if each.final]
    lead = (levels.WINDOW - levels.SHIFT) * 160
    # Each is emitted a window after it was said, and lasts until the next, or the end.
    one, two = (CLOCK + lead + frame * STEP_SAMPLES for frame in (1, 4))
    places = [(word.start_samples, word.end_samples) for word in final.words]
    assert places == [(one, two), (two, CLOCK + len(audio))]


async def test_how_the_audio_is_cut_into_chunks_makes_no_difference(tmp_path: Path) -> None:
    audio = said("▁one", "▁two", "ty", "", "▁york")
    async with running(bundle(tmp_path / "levels")) as engine:
        finals = [(await guesses(engine, audio, chunk=chunk))[-1] for chunk in (160, 1000, len(audio))]
    assert finals[0].text == "one twoty york"
    assert finals[0] == finals[1] == finals[2]


@pytest.mark.parametrize(("decoding", "least"), [("greedy", 3), ("beam", 1)])
async def test_words_that_are_told_stable_never_change(tmp_path: Path, decoding: str, least: int) -> None:
    audio = said("▁one", "▁two", "ty", BETWEEN, "▁york", "▁new")
    async with running(bundle(tmp_path / "levels"), decoding=decoding) as engine:
        found = await guesses(engine, audio)
    told: Sequence[str] = ()
    for each in found:
        words = [word.text for word in each.words]
        assert words[: len(told)] == list(told)
        told = words[: each.stable_words] if not each.final else told
    assert len(told) >= least


async def test_a_word_that_may_go_on_is_not_stable(tmp_path: Path) -> None:
    async with running(bundle(tmp_path / "levels")) as engine:
        found = await guesses(engine, said("▁one", "▁two", "ty", "▁york", "", ""))
    stable = {each.text: each.stable_words for each in found if not each.final}
    assert (stable["one two"], stable["one twoty"], stable["one twoty york"]) == (1, 1, 2)


async def test_terms_are_heard_rather_than_what_sounds_like_them(tmp_path: Path) -> None:
    audio = said("▁one", BETWEEN, "▁two")
    async with running(bundle(tmp_path / "levels"), decoding="beam", hotword_score=1.0) as engine:
        assert engine.biased
        plain, biased, plain_again = await texts(engine, audio, Terms(("Ann",)), audio, Terms(()), audio)
    assert (plain, biased, plain_again) == ("one an two", "one ann two", "one an two")


async def test_a_term_that_nothing_sounds_like_is_not_heard_however_much_it_counts(tmp_path: Path) -> None:
    audio = said("▁one", "", "▁two", "▁new")
    async with running(bundle(tmp_path / "levels"), decoding="beam", hotword_score=10.0) as engine:
        assert await texts(engine, Terms(("york", "two")), audio) == ["one two new"]


async def test_a_term_that_is_only_begun_is_not_heard(tmp_path: Path) -> None:
    audio = said("▁one", BETWEEN, "▁two")
    async with running(bundle(tmp_path / "levels"), decoding="beam", hotword_score=1.0) as engine:
        assert await texts(engine, Terms(("Annual york",)), audio) == ["one an two"]


async def test_a_term_that_the_segment_cuts_short_is_not_heard(tmp_path: Path) -> None:
    async with running(bundle(tmp_path / "levels"), decoding="beam", hotword_score=1.0) as engine:
        begun, whole = said("▁one", BETWEEN), said("▁one", BETWEEN, "▁york")
        assert await texts(engine, Terms(("Ann York",)), begun, whole) == ["one an", "one ann york"]


async def test_a_greedy_search_says_that_it_takes_no_terms(tmp_path: Path) -> None:
    async with running(bundle(tmp_path / "levels")) as engine:
        assert not engine.biased


async def test_a_session_that_finds_no_room_for_its_caches_is_told_so(tmp_path: Path) -> None:
    async with running(bundle(tmp_path / "levels"), slots=1, max_batch=1) as engine:
        async with aclosing(engine.recognize(heard(said("▁one", "▁two", "▁york")), "en-US")) as first:
            await anext(first)
            with pytest.raises(AtCapacity, match="caches"):
                await texts(engine, said("▁two"))
        assert await texts(engine, said("▁two")) == ["two"]


async def test_two_bundles_of_one_language_share_its_sessions(tmp_path: Path) -> None:
    blue, green = bundle(tmp_path / "blue"), bundle(tmp_path / "green")
    async with running({"path": blue, "weight": 3}, {"path": green, "weight": 1}) as engine:
        for affinity in range(40):
            await texts(engine, said("▁one"), affinity=affinity)
        reported = {version.bundle: (share, version.calls, version.means) for version, share in engine.versions}
    assert (reported["blue"][0], reported["green"][0]) == (0.75, 0.25)
    assert reported["blue"][1] + reported["green"][1] == 40
    assert reported["blue"][1] > reported["green"][1] > 0
    assert all(means["rtf"] > 0 and 0 < means["confidence"] <= 1 for _, _, means in reported.values())


async def test_a_model_that_breaks_fails_its_session_and_not_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(bundle(tmp_path / "levels")) as engine:
        with monkeypatch.context() as broken:
            broken.setattr(Model, "bins", 40)
            with pytest.raises(StageFailed, match="broke"):
                await texts(engine, said("▁one"))
        assert await texts(engine, said("▁one")) == ["one"]
        assert [version.failures for version, _ in engine.versions] == [1]


async def test_a_batch_too_large_for_the_device_is_heard_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    search = GreedyTransducer.advance

    def advance(self: GreedyTransducer, frames: Any, found: Sequence[Any]) -> list[Any]:
        sizes.append(len(found))
        if len(found) > 2:
            raise RuntimeError("out of memory")
        return search(self, frames, found)

    async with running(bundle(tmp_path / "levels")) as engine:
        monkeypatch.setattr(GreedyTransducer, "advance", advance)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(texts(engine, said(piece, "▁one", piece))) for piece in levels.PIECES[3:]]
    assert max(sizes) > 2
    assert [task.result() for task in tasks] == [[f"{piece[1:]} one {piece[1:]}"] for piece in levels.PIECES[3:]]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"window_size": None}, "window_size is missing"),
        ({"chunk_shift": "8.5"}, "chunk_shift is '8.5'"),
        ({"normalize_type": "per_feature"}, "normalized"),
        ({"vocab_size": 9}, "tokens.txt has 8 tokens"),
        ({"cache_last_time_dim2": 5}, "do not fit together"),
        ({"pred_hidden": 3}, "do not fit together"),
    ],
)
async def test_a_bundle_with_wrong_metadata_is_refused_by_what_is_wrong(
    tmp_path: Path, wrong: dict[str, Any], named: str
) -> None:
    folder = bundle(tmp_path / "levels", **wrong)
    with pytest.raises(InvalidArgument, match=named) as refused:
        async with running(folder):
            pass
    assert refused.value.field == f"bundle {folder}"


async def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "levels")
    (folder / "joiner.onnx").write_bytes(b"nothing")
    levels.describe(folder, "nemo-transducer")
    with pytest.raises(InvalidArgument, match=r"joiner\.onnx"):
        async with running(folder):
            pass


async def test_a_ctc_bundle_is_refused_where_a_beam_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="greedily") as refused:
        async with running(bundle(tmp_path / "levels", "nemo-ctc"), decoding="beam"):
            pass
    assert (refused.value.field, refused.value.accepted) == ("ASR_ONNX__DECODING", ("greedy",))


async def test_models_that_write_cased_and_such_that_do_not_are_not_served_together(tmp_path: Path) -> None:
    cased = bundle(tmp_path / "cased", pieces=["▁One", *levels.PIECES[1:]])
    async with running(cased) as engine:
        assert engine.written
    with pytest.raises(InvalidArgument, match="cased"):
        async with running(cased, bundle(tmp_path / "plain")):
            pass


def test_an_engine_without_bundles_says_how_to_get_one() -> None:
    with pytest.raises(InvalidArgument, match="babelmesh models"):
        Engine(AsrSettings())
