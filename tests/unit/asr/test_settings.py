from __future__ import annotations

import pytest

from services.asr.settings import AsrSettings


def test_an_engines_options_are_set_by_variables_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASR_VAD", "energy")
    monkeypatch.setenv("ASR_SCRIPTED__WORD_MS", "150")
    monkeypatch.setenv("ASR_EMBEDDED__SECOND_PASS", "false")
    settings = AsrSettings()
    assert (settings.vad, settings.scripted.word_ms, settings.embedded.second_pass) == ("energy", 150, False)


@pytest.mark.parametrize("name", ["ASR_TRAILING_SILENCE", "ASR_VAD", "ASR_EMBEDDED__WARM", "ASR_SCRIPTED__WORDS"])
def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "many")
    with pytest.raises(ValueError, match=r"not a setting|validation error"):
        AsrSettings()


@pytest.mark.parametrize(("slots", "reserve"), [(1, 0), (8, 0), (9, 1), (64, 7)])
def test_unless_told_otherwise_few_slots_are_kept_for_sessions_that_resume(slots: int, reserve: int) -> None:
    assert AsrSettings(slots=slots).reserve == reserve


def test_a_reserve_that_leaves_no_slot_for_new_sessions_is_refused() -> None:
    with pytest.raises(ValueError, match="leave none for new sessions"):
        AsrSettings(slots=4, reserved_slots=4)
