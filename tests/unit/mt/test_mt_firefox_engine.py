"""The firefox engine on small models with random weights: what it computes, and what it refuses."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from services.common.errors import InvalidArgument
from services.mt.engine import Pair, Source, Translation
from services.mt.engines.firefox.engine import Engine
from services.mt.settings import MtSettings
from tests.unit.mt import firefox_models as models

pytestmark = pytest.mark.asyncio(loop_scope="module")  # an engine is started once for all tests

PAIR = Pair("en", "pt")
TEXTS = [*models.SENTENCES, "a cat", "the dog and the cat and the dog and the old house", "w"]


def engine_on(folder: Path, **options: object) -> Engine:
    return Engine(MtSettings.model_validate({"firefox": {"bundles": [folder], "device": "cpu", **options}}))


def _measured(multiplier: float) -> Callable[[dict[str, bytes]], None]:
    """A model that says what the inputs of its layers are to be multiplied by."""

    def change(files: dict[str, bytes]) -> None:
        made = models.tensors()
        for name in [*made.integers]:
            made.integers[f"{name}_QuantMultA"] = (np.zeros((1, 1), np.int8), multiplier)
        files["model.bin"] = made.written()

    return change


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=["fp32", "int8", "int8 measured"])
async def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    precision, _, measured = request.param.partition(" ")
    place = tmp_path_factory.mktemp("firefox")
    folder = models.bundle(place, _measured(20.0)) if measured else models.bundle(place)
    subject = engine_on(folder, precision=precision)
    await subject.start()
    yield subject
    await subject.stop()


async def said(engine: Engine, text: str, prefix: str = "") -> Translation:
    return await engine.translate(Source(text, PAIR, target_prefix=prefix))


async def test_a_text_is_translated_alike_alone_and_beside_others(engine: Engine) -> None:
    alone = [await said(engine, text) for text in TEXTS]
    together = await asyncio.gather(*(said(engine, text) for text in TEXTS * 3))
    assert together == alone * 3
    assert len({answer.text for answer in alone}) > 1
    assert engine.pairs == (PAIR,)


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
async def test_a_translation_that_is_forced_to_begin_as_it_would_goes_on_as_it_would(
    engine: Engine, share: float
) -> None:
    for text in TEXTS:
        free = (await said(engine, text)).text
        words = free.split()
        prefix = " ".join(words[: int(len(words) * share)])
        forced = await said(engine, text, prefix)
        assert forced.text.startswith(prefix)
        assert forced.continues_prefix is bool(prefix)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("", 0),
        ("  \n ", 0),
        ("...", 0),
        ("a", 0),
        ("THE CAT", 2),
        ("a 東京 dog", 1),
        ("the cat " * 300, 0),
        ("x" * 999, 1),
    ],
)
async def test_odd_texts_are_answered(engine: Engine, text: str, unknown: int) -> None:
    answer = await said(engine, text)
    assert answer.unknown_words == unknown
    assert len(answer.text) < 40 * len(text) + 200


async def test_words_the_model_cannot_read_are_kept(engine: Engine) -> None:
    assert "東京" in (await said(engine, "the 東京 house")).text


def _without_lists(files: dict[str, bytes]) -> None:
    del files["lex.bin"]


async def test_without_a_shortlist_every_word_may_follow(tmp_path: Path) -> None:
    every = models.bundle(tmp_path / "every", _without_lists)
    few = models.bundle(tmp_path / "few", lambda files: files.update({"lex.bin": models.shortlist({}, frequent=3)}))
    answers = []
    for folder, options in ((every, {}), (few, {"shortlist": False}), (few, {})):
        engine = engine_on(folder, **options)
        await engine.start()
        answers.append([(await said(engine, text)).text for text in TEXTS])
        await engine.stop()
    assert answers[0] == answers[1]


def _cut(files: dict[str, bytes]) -> None:
    files["model.bin"] = files["model.bin"][:-5_000]


def _cut_short(files: dict[str, bytes]) -> None:
    files["model.bin"] = files["model.bin"][:100]


def _empty(files: dict[str, bytes]) -> None:
    files["model.bin"] = b""


def _no_model(files: dict[str, bytes]) -> None:
    files["model.bin"] = b"PK\3\4" + bytes(5_000)


def _of_another_version(files: dict[str, bytes]) -> None:
    files["model.bin"] = struct.pack("<Q", 2) + files["model.bin"][8:]


def _countless(files: dict[str, bytes]) -> None:
    files["model.bin"] = struct.pack("<2Q", 1, 1 << 60) + files["model.bin"][16:]


def _endless(files: dict[str, bytes]) -> None:
    files["model.bin"] = files["model.bin"][:40] + struct.pack("<Q", 1 << 62) + files["model.bin"][48:]


def _without(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        made = models.tensors()
        made.integers.pop(name, None)
        made.floats.pop(name, None)
        files["model.bin"] = made.written()

    return change


def _told(option: str, value: object) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        made = models.tensors()
        made.options[option] = value
        files["model.bin"] = made.written()

    return change


def _other_words(files: dict[str, bytes]) -> None:
    files["vocab.spm"] = models.vocabulary(models.IDS + 1)


def _no_words(files: dict[str, bytes]) -> None:
    files["vocab.spm"] = b"no model"


def _listed(content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda files: files.update({"lex.bin": content})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_cut, "model.bin cannot be used: it ends within the tensor"),
        (_cut_short, "it names more tensors than it could hold"),
        (_empty, "model.bin cannot be used: it is cut short"),
        (_no_model, "model.bin cannot be used: it is of version"),
        (_of_another_version, "it is of version 2, not 1"),
        (_countless, "it names more tensors than it could hold"),
        (_endless, "model.bin cannot be used"),
        (_without("encoder_l2_self_Wq"), "it has no tensor encoder_l2_self_Wq"),
        (_without("decoder_ff_logit_out_b"), "it has no tensor decoder_ff_logit_out_b"),
        (_told("enc-depth", 9), "it has no tensor encoder_l3_self_Wq"),
        (_told("enc-depth", 10**9), "its option enc-depth is '1000000000', no number"),
        (_told("dim-emb", 64), "the tensor Wemb is 32 wide"),
        (_told("transformer-dim-ffn", 128), "encoder_l1_ffn_W1 has the shape"),
        (_told("transformer-heads", 5), "cannot be parted among 5 heads"),
        (_told("transformer-decoder-autoreg", "self-attention"), "its option transformer-decoder-autoreg is"),
        (_told("transformer-ffn-activation", "swish"), "served is 'relu'"),
        (_measured(0.0), "inputs of the tensor encoder_l1_self_Wq are to be multiplied by 0.0"),
        (_measured(float("nan")), "are to be multiplied by nan"),
        (_other_words, "vocab.spm has 641 pieces, and the model 640 ids"),
        (_no_words, "vocab.spm is no sentencepiece model"),
        (_listed(b""), "lex.bin cannot be used: it is cut short"),
        (_listed(bytes(100)), "it does not begin as Marian's binary shortlists do"),
        (_listed(models.shortlist({})[:-1]), "which its header does not account for"),
        (_listed(models.shortlist({}, ids=50)), "it is for other ids than the model's 640"),
        (_listed(models.shortlist({3: [640]})), "it is for other ids than the model's 640"),
    ],
)
async def test_a_bad_file_is_refused_by_its_name(
    change: Callable[[dict[str, bytes]], None], told: str, tmp_path: Path
) -> None:
    engine = engine_on(models.bundle(tmp_path, change))
    with pytest.raises(InvalidArgument) as refused:
        await engine.start()
    await engine.stop()
    assert refused.value.code == "BUNDLE_UNUSABLE"
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
