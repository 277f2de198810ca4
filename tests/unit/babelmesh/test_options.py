from __future__ import annotations

from pathlib import Path

import pytest
import typer

from babelmesh.events import DELIVERY_CAPTIONS, DELIVERY_UNSPECIFIED
from babelmesh.options import languages, separate, spoken_live, wanted


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
    spoken_live(explain=True, realtime=True)
    spoken_live(explain=False, realtime=False)
    with pytest.raises(typer.BadParameter, match="--realtime"):
        spoken_live(explain=True, realtime=False)
