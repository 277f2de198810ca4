from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from babelmesh.cli.main import app
from babelmesh.cli.options import (
    SENTENCE_SILENCE_MS,
    Hold,
    Register,
    Wishes,
    languages,
    one_language,
    place,
    separate,
    spoken_live,
    wanted,
)
from babelmesh.client.dialling import Tls
from babelmesh.client.events import (
    DELIVERY_CAPTIONS,
    DELIVERY_UNSPECIFIED,
    FORMALITY_FORMAL,
    SAME_LANGUAGE_PASS_THROUGH,
    SAME_LANGUAGE_UNSPECIFIED,
    STABILIZATION_AGGRESSIVE,
    STABILIZATION_WHOLE_SEGMENTS,
)
from babelmesh.client.mesh import DEFAULT_ADDRESS
from babelmesh.models.choices import Engines


def test_languages_are_separated_by_commas() -> None:
    assert languages("es, ca,,gl") == ("es", "ca", "gl")


@pytest.mark.parametrize("text", ["", " ,", "es,ca,es"])
def test_no_language_or_one_twice_is_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        languages(text)


def test_a_session_asks_for_speech_voices_and_growing_results() -> None:
    config = wanted("en", "es,ca", voice=True, voice_names=["ca=ona"]).config()
    assert (config.source_lang, config.partial_results) == ("en", True)
    assert [(target.lang, target.voice) for target in config.targets] == [("es", ""), ("ca", "ona")]
    assert {target.delivery for target in config.targets} == {DELIVERY_UNSPECIFIED}


def test_without_voice_only_captions_are_asked_for() -> None:
    assert {target.delivery for target in wanted("en", "es").config().targets} == {DELIVERY_CAPTIONS}


@pytest.mark.parametrize("name", ["ona", "ca=", "fr=anne"])
def test_a_voice_names_one_of_the_targets(name: str) -> None:
    with pytest.raises(typer.BadParameter):
        wanted("en", "es,ca", voice=True, voice_names=[name])


def test_a_voice_with_nothing_to_say_is_refused() -> None:
    with pytest.raises(typer.BadParameter):
        wanted("en", "es", voice=False, voice_names=["es=ana"])


def test_two_files_of_one_name_would_overwrite_each_other() -> None:
    with pytest.raises(typer.BadParameter):
        separate([Path("a/talk.wav"), Path("b/talk.mp3")])
    separate([Path("a/talk.wav"), Path("a/walk.wav")])


def test_only_what_is_sent_as_it_was_spoken_can_be_explained() -> None:
    spoken_live(realtime=True, explain=True, wishes=Wishes(Hold.FAST, 1000))
    spoken_live(realtime=False, explain=False, wishes=Wishes())
    with pytest.raises(typer.BadParameter, match="--realtime"):
        spoken_live(realtime=False, explain=True, wishes=Wishes())


@pytest.mark.parametrize(
    ("option", "wishes"), [("--stabilization", Wishes(Hold.FAST)), ("--latency", Wishes(latency_ms=900))]
)
def test_nobody_waits_for_what_is_sent_faster_than_it_was_spoken(option: str, wishes: Wishes) -> None:
    with pytest.raises(typer.BadParameter, match="--realtime") as refused:
        spoken_live(realtime=False, explain=False, wishes=wishes)
    assert refused.value.param_hint == option


def test_a_live_session_asks_for_what_its_listener_waits_for() -> None:
    config = replace(wanted("en", "es"), wishes=Wishes(Hold.AGGRESSIVE, 900)).config()
    assert (config.stabilization, config.latency_budget_ms) == (STABILIZATION_AGGRESSIVE, 900)


def test_a_recording_that_nobody_waits_for_is_translated_in_whole_segments() -> None:
    config = wanted("en", "es").config(live=False)
    assert (config.stabilization, config.partial_results) == (STABILIZATION_WHOLE_SEGMENTS, False)
    assert config.endpointing.trailing_silence_ms == SENTENCE_SILENCE_MS


def test_engines_are_those_of_a_mesh_of_its_own() -> None:
    assert not place(DEFAULT_ADDRESS, Tls(), Engines.SMALL, None).addresses
    assert place("there:7700", Tls(), None, None).addresses == "there:7700"


@pytest.mark.parametrize(
    ("option", "server", "ca", "engines", "models"),
    [
        ("--engines", "there:7700", None, Engines.SMALL, None),
        ("--ca", DEFAULT_ADDRESS, Path("ca.pem"), Engines.SMALL, None),
        ("--models", DEFAULT_ADDRESS, None, None, Path("models")),
    ],
)
def test_options_of_two_meshes_at_once_are_a_usage_error(
    option: str, server: str, ca: Path | None, engines: Engines | None, models: Path | None
) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        place(server, Tls(ca), engines, models)
    assert refused.value.param_hint == option


@pytest.mark.parametrize(
    ("source", "one", "several"), [("en", "en", []), (" en, es ", "", ["en", "es"]), ("auto", "auto", [])]
)
def test_one_language_may_be_spoken_or_several_or_any(source: str, one: str, several: list[str]) -> None:
    config = wanted(source, "en,es", voice=True).config()
    assert (config.source_lang, list(config.source_langs)) == (one, several)
    passes = SAME_LANGUAGE_UNSPECIFIED if source == "en" else SAME_LANGUAGE_PASS_THROUGH
    assert {target.same_language for target in config.targets} == {passes}


@pytest.mark.parametrize("source", ["", "en,en"])
def test_no_spoken_language_or_one_twice_is_a_usage_error(source: str) -> None:
    with pytest.raises(typer.BadParameter):
        wanted(source, "es")


@pytest.mark.parametrize("source", ["auto", "en,es"])
def test_typed_lines_are_in_one_language(source: str) -> None:
    assert one_language("en") == "en"
    with pytest.raises(typer.BadParameter):
        one_language(source)


def test_what_is_hidden_and_how_people_are_addressed_is_asked_of_every_target() -> None:
    wishes = Wishes(mask_pii=True, mask_profanity=True, formality=Register.FORMAL)
    config = replace(wanted("en", "es,pt"), wishes=wishes).config()
    assert (config.mask_pii, config.mask_profanity) == (True, True)
    assert [target.formality for target in config.targets] == 2 * [FORMALITY_FORMAL]
    plain = wanted("en", "es").config()
    assert (plain.mask_pii, plain.mask_profanity, plain.targets[0].formality) == (False, False, 0)


@pytest.mark.parametrize("command", ["translate", "mic", "text"])
def test_every_command_for_speech_or_text_has_the_masks_as_flags(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for flag in ("--mask-pii", "--mask-profanity", "--formality"):
        assert flag in shown
