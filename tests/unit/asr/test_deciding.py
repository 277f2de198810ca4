from __future__ import annotations

from typing import Any

from services.asr.deciding import Deciding
from services.asr.engine import Language
from services.asr.settings import IdentificationSettings
from services.common.audio.pcm import ASR_RATE


def deciding(first: str = "", **settings: Any) -> Deciding:
    options = {"first_ms": 1000, "looks": 2, "sure": 0.9, "least": 0.6, "spoken": 0.0, **settings}
    return Deciding("en", IdentificationSettings(**options), first)


def due(decision: Deciding, seconds: float, ends: bool = False, at_seconds: float = 0.0) -> bool:
    return decision.due(round(seconds * ASR_RATE), round((at_seconds or seconds) * ASR_RATE), ends)


def test_the_first_look_waits_for_so_much_of_the_utterance() -> None:
    decision = deciding()
    assert not due(decision, 0.9)
    assert due(decision, 1.0)


def test_a_sure_look_decides_and_is_the_last() -> None:
    decision = deciding()
    due(decision, 1.0)
    decision.found(Language("es", 0.95))
    assert decision.language == Language("es", 0.95)
    assert not due(decision, 8.0)
    assert not due(decision, 9.0, ends=True)


def test_an_unsure_look_is_tentative_and_another_comes_at_more_of_the_audio() -> None:
    decision = deciding(looks=3)
    due(decision, 1.0)
    decision.found(Language("es", 0.7))
    assert decision.language == Language("es", 0.7, tentative=True)
    assert not due(decision, 1.5)
    assert due(decision, 1.6)


def test_the_last_look_decides_by_the_lesser_confidence() -> None:
    decision = deciding()
    for seconds in (1.0, 2.0):
        due(decision, seconds)
        decision.found(Language("es", 0.7))
    assert decision.language == Language("es", 0.7)


def test_speech_that_sounds_like_none_of_the_languages_is_decided_but_unsure() -> None:
    decision = deciding(spoken=0.7)
    due(decision, 1.0)
    decision.found(Language("es", 0.98, share=0.6))
    assert decision.language == Language("es", 0.98, tentative=True)  # another look may be surer
    due(decision, 2.0)
    decision.found(Language("es", 0.98, share=0.6))
    assert decision.language == Language("es", 0.98, share=0.6, unsure=True)
    decision.ended(split=True)
    assert decision.language.unsure  # the rest of an utterance is in its language, as sure or not
    decision.ended(split=False)
    assert not decision.language.unsure


def test_a_look_that_is_sure_among_all_languages_is_spoken() -> None:
    decision = deciding(spoken=0.7)
    due(decision, 1.0)
    decision.found(Language("es", 0.98, share=0.8))
    assert not decision.language.unsure


def test_a_language_kept_for_want_of_a_sure_look_is_unsure() -> None:
    decision = deciding(spoken=0.7)
    assert due(decision, 0.5, ends=True)
    decision.found(Language("es", 0.55), ends=True)
    assert decision.language == Language("en", unsure=True)
    without = deciding(spoken=0.7, per_minute=1)
    for _ in range(11):
        due(without, 0.5, ends=True)
        without.found(Language("es", 0.99), ends=True)
        without.ended(split=False)
    assert not due(without, 0.5, ends=True)  # it has had all its looks
    assert without.language == Language("en", unsure=True)


def test_an_utterance_that_stays_doubtful_is_in_the_rooms_language() -> None:
    decision = deciding()
    for seconds in (1.0, 2.0):
        due(decision, seconds)
        decision.found(Language("es", 0.55))
    assert decision.language == Language("en")


def test_a_short_utterance_is_looked_at_when_it_ends() -> None:
    decision = deciding()
    assert due(decision, 0.4, ends=True)
    decision.found(Language("es", 0.65), ends=True)
    assert decision.language == Language("es", 0.65)


def test_the_next_utterance_is_open_again_and_guessed_to_be_in_the_same_language() -> None:
    decision = deciding()
    due(decision, 1.0)
    decision.found(Language("es", 0.95))
    decision.ended(split=False)
    assert decision.language == Language("es", tentative=True)
    assert due(decision, 1.0)


def test_the_rest_of_an_utterance_that_was_split_is_in_its_language() -> None:
    decision = deciding()
    due(decision, 1.0)
    decision.found(Language("es", 0.95))
    decision.ended(split=True)
    assert decision.language == Language("es", 0.95)
    assert not due(decision, 5.0)


def test_a_session_has_so_many_looks_a_minute_and_then_the_rooms_language() -> None:
    decision = deciding(per_minute=6)
    looks = 0
    for number in range(60):  # utterances of a second
        if due(decision, 0.9, ends=True, at_seconds=number + 1):
            looks += 1
            decision.found(Language("es", 0.95), ends=True)
        assert not decision.language.tentative
        assert decision.language.tag == ("es" if decision.language.confidence else "en")
        decision.ended(split=False)
    assert looks <= 10 + 6  # at once, and in a minute


def test_what_an_earlier_recognizer_decided_of_the_first_utterance_stands() -> None:
    decision = deciding(first="es")
    assert not due(decision, 5.0)
    assert decision.language == Language("es")
    decision.ended(split=False)
    assert decision.language.tentative


def test_a_last_look_that_is_a_little_surer_of_one_language_is_believed() -> None:
    decision = Deciding("en", IdentificationSettings())
    assert due(decision, 1.2, ends=True)
    decision.found(Language("es", 0.57), ends=True)
    assert decision.language == Language("es", 0.57, unsure=True)  # shown, not spoken
