"""`babelmesh models import`, `list` and `verify`, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.babelmesh.models_user import User

MARIAN = ("source.spm", "target.spm", "vocab.json", "config.json", "encoder_model.onnx", "decoder_model_merged.onnx")
PIPER = json.dumps({"audio": {"sample_rate": 22_050}, "language": {"code": "es_ES"}})
ABOUT = ("--licence", "MIT", "--source", "here")


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path, tmp_path / "models")


def _folder(path: Path, *names: str, **contents: str) -> Path:
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(f"content of {name}")
    for name, content in contents.items():
        (path / name.replace("__", ".")).write_text(content)
    return path


def test_an_export_becomes_a_bundle_wherever_its_files_lie(user: User, tmp_path: Path) -> None:
    names = [f"onnx/{name}" if name.endswith(".onnx") else name for name in MARIAN]
    folder = _folder(tmp_path / "Opus MT (en-es)", *names, "onnx/encoder_model.onnx_data", "pytorch_model.bin")
    done = user.runs("import", folder, "--pair", "en:es", "--tag", "es=>>spa<<", "--version", "2", *ABOUT)
    assert done.status == 0, done.err
    bundle = user.bundle("opus-mt-en-es", "2")
    assert set(bundle.manifest.files) == {*MARIAN, "encoder_model.onnx_data"}
    assert (bundle.manifest.layout, bundle.manifest.engine) == ("marian", "onnx")
    assert (bundle.manifest.serves, bundle.manifest.tags) == (("en>es",), {"es": ">>spa<<"})
    assert (folder / "onnx" / "encoder_model.onnx").exists()


@pytest.mark.parametrize(
    ("names", "layout", "options"),
    [
        ([name.replace(".onnx", "_quantized.onnx") for name in MARIAN], "marian", ["--pair", "en:es"]),
        (
            ["config.json", "tokenizer.json", "encoder_model.onnx", "decoder_model_merged_fp16.onnx"],
            "m2m100",
            ["--pair", "en:es", "--tag", "en=eng_Latn", "--tag", "es=spa_Latn"],
        ),
        (["model.onnx", "vocab.json", "config.json", "tokenizer_config.json"], "mms", ["--language", "es"]),
        (["model.bin", "vocab.spm", "lex.bin", "NOTICE"], "marian-intgemm8", ["--pair", "en:pt"]),
        (["model.onnx", "voices/ef_dora.bin", "voices/pm_alex.bin"], "kokoro", ["--language", "es"]),
    ],
)
def test_exports_of_one_precision_and_of_other_families_are_known(
    user: User, tmp_path: Path, names: list[str], layout: str, options: list[str]
) -> None:
    folder = _folder(tmp_path / "model", *names)
    if "config.json" in names:
        (folder / "config.json").write_text('{"sampling_rate": 16000}')
    done = user.runs("import", folder, *options, *ABOUT)
    assert done.status == 0, done.err
    manifest = user.bundle("model", "1").manifest
    assert (manifest.layout, set(manifest.files)) == (layout, set(names))


def test_a_voice_tells_its_language_and_rate_itself(user: User, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "davefx", "es_ES-davefx-medium.onnx", es_ES_davefx__onnx__json=PIPER)
    done = user.runs("import", folder, "--link", *ABOUT)
    assert done.status == 0, done.err
    manifest = user.bundle("davefx", "1").manifest
    assert (manifest.languages, manifest.sample_rate_hertz, manifest.layout) == (("es-ES",), 22_050, "piper")
    linked = user.models / "davefx" / "1" / "voice.onnx"
    assert linked.stat().st_ino == (folder / "es_ES-davefx-medium.onnx").stat().st_ino


TRANSDUCER = ("encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt")
ZIPFORMER = tuple(
    f"{part}-epoch-99-avg-1{kind}.onnx" for part in ("encoder", "decoder", "joiner") for kind in ("", ".int8")
)


MOONSHINE = tuple(f"{part}.int8.onnx" for part in ("preprocess", "encode", "uncached_decode", "cached_decode"))


@pytest.mark.parametrize(
    ("names", "layout", "engine"),
    [
        (TRANSDUCER, "nemo-transducer", "onnx"),
        (("encoder.int8.onnx", "decoder.int8.onnx", "joiner.int8.onnx", "tokens.txt"), "nemo-transducer", "onnx"),
        ((*ZIPFORMER, "tokens.txt", "bpe.model"), "zipformer", "sherpa"),
        (("encoder.int8.onnx", "decoder.int8.onnx", "tokens.txt"), "paraformer", "sherpa"),
        (("tiny.en-encoder.onnx", "tiny.en-decoder.onnx", "tiny.en-tokens.txt"), "whisper", "sherpa"),
        ((*MOONSHINE, "tokens.txt"), "moonshine", "sherpa"),
        (("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin"), "moonshine-v2", "moonshine"),
        (("model.bin", "config.json", "tokenizer.json", "vocabulary.json"), "whisper", "ctranslate2"),
        (("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"), "whisper", "ctranslate2"),
    ],
)
def test_recognizers_are_known_by_their_files(
    user: User, tmp_path: Path, names: tuple[str, ...], layout: str, engine: str
) -> None:
    done = user.runs("import", _folder(tmp_path / "model", *names), "--language", "en", *ABOUT)
    assert done.status == 0, done.err
    manifest = user.bundle("model", "1").manifest
    assert (manifest.layout, manifest.engine, manifest.sample_rate_hertz) == (layout, engine, 16_000)


@pytest.mark.parametrize(
    ("names", "options", "told"),
    [
        (["model.bin"], [], "holds no model of a known layout. Known are marian (source.spm"),
        (["model.onnx", "tokens.txt"], ["--language", "en"], "may be those of nemo-ctc or sense-voice"),
        (MARIAN, ["--layout", "m2m100", "--pair", "en:es"], "holds no m2m100 layout"),
        (MARIAN, ["--layout", "bart"], "There is no layout bart: marian, m2m100"),
        (MARIAN, [], "The files are a translator's (marian). Say as well --pair SOURCE:TARGET."),
        (MARIAN, ["--pair", "en:spanish!"], "'spanish!' is no BCP-47 tag"),
        (MARIAN, ["--pair", "en:es", "--language", "es"], "a translator names pairs"),
        (MARIAN, ["--pair", "en:es", "--tag", "fr=>>fra<<"], "there is a tag for fr, which it does not serve"),
        (MARIAN, ["--pair", "en:es", "--name", "Opus/MT"], "name: String should match"),
        (MARIAN, ["--pair", "en:es", "--version", "../2"], "version: String should match"),
        (["a.onnx", "b.onnx", "a.onnx.json"], ["--language", "es"], "a.onnx and b.onnx could both be its voice.onnx"),
    ],
)
def test_what_cannot_become_a_bundle_is_refused_with_what_is_missing(
    user: User, tmp_path: Path, names: list[str], options: list[str], told: str
) -> None:
    done = user.runs("import", _folder(tmp_path / "model", *names), *options, *ABOUT)
    assert (done.status, done.out) == (1, "")
    assert told in done.err
    assert not list(user.models.glob("[!.]*"))
    assert not list(user.models.glob(".building*"))


def test_a_licence_and_a_source_are_asked_for(user: User, tmp_path: Path) -> None:
    done = user.runs("import", _folder(tmp_path / "model", *MARIAN), "--pair", "en:es")
    assert "Say as well --licence SPDX, --source URL." in done.err


def test_files_of_another_model_do_not_get_a_name_of_the_catalogue(user: User, tmp_path: Path) -> None:
    other = user.runs("import", _folder(tmp_path / "asr", *TRANSDUCER), "--name", "nemo-en-480ms")
    assert other.status == 1
    assert "encoder.onnx is not the file that the catalogue has under nemo-en-480ms" in other.err


def test_a_bundle_from_elsewhere_is_imported_as_it_is_unless_it_is_broken(user: User, tmp_path: Path) -> None:
    user.runs("import", _folder(tmp_path / "model", *MARIAN), "--pair", "en:es", "--version", "7", *ABOUT)
    elsewhere = tmp_path / "elsewhere"
    (user.models / "model" / "7").rename(elsewhere)
    assert user.runs("import", elsewhere).status == 0
    assert user.runs("import", elsewhere, "--version", "8").status == 0
    assert user.bundle("model", "7").manifest.files == user.bundle("model", "8").manifest.files
    assert "of the layout marian, not mms" in user.runs("import", elsewhere, "--layout", "mms").err
    (elsewhere / "vocab.json").write_text("other")
    broken = user.runs("import", elsewhere, "--version", "9")
    assert broken.status == 1
    assert "vocab.json has 5 bytes" in broken.err


def test_importing_again_replaces_the_bundle(user: User, tmp_path: Path) -> None:
    folder = _folder(tmp_path / "model", *MARIAN)
    for content in ("first", "second"):
        (folder / "vocab.json").write_text(content)
        assert user.runs("import", folder, "--pair", "en:es", *ABOUT).status == 0
    assert user.bundle("model", "1").file("vocab.json").read_text() == "second"
    assert [path.name for path in user.models.iterdir()] == ["model"]


def test_what_is_installed_is_listed_and_checked(user: User, tmp_path: Path) -> None:
    user.runs("import", _folder(tmp_path / "model", *MARIAN), "--pair", "en:es", *ABOUT)
    listed = user.runs("list")
    assert "model@1" in listed.out
    assert "piper-fr-fr-siwis" in listed.out
    checked = user.runs("verify")
    assert (checked.status, checked.out) == (0, "model@1  ok\n")


def test_a_damaged_bundle_is_listed_as_such_and_fails_the_check(user: User, tmp_path: Path) -> None:
    for name in ("one", "two"):
        user.runs("import", _folder(tmp_path / name, *MARIAN), "--pair", "en:es", *ABOUT)
    (user.models / "one" / "1" / "vocab.json").write_text("other")
    assert "vocab.json is damaged" in user.runs("list").out
    checked = user.runs("verify")
    assert checked.status == 1
    assert "Broken: one@1. Fetch or import them again." in checked.err
    assert "two@1  ok" in checked.out
    assert user.runs("verify", "two").status == 0
    assert user.runs("verify", "two@2").status == 1


def test_a_manifest_that_cannot_be_read_is_told(user: User) -> None:
    broken = user.models / "odd" / "1"
    broken.mkdir(parents=True)
    (broken / "bundle.json").write_text("{}")
    assert "odd/1: bundle.json is wrong at name: Field required." in user.runs("list").out
    checked = user.runs("verify")
    assert checked.status == 1
    assert "bundle.json is wrong" in checked.err


def test_the_folder_is_where_the_platform_keeps_such_things(user: User, tmp_path: Path) -> None:
    listed = user.runs("list", BABELMESH_MODELS="", XDG_DATA_HOME=str(tmp_path / "data"))
    assert f"Nothing is installed in {tmp_path / 'data' / 'babelmesh' / 'models'}." in listed.out
