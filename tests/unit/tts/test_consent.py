"""A person's voice speaks with consent alone: to this use, in this language, until it is over or taken back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.common.errors import PermissionDenied
from services.tts.consent import STALE_SECONDS, Consents

RECORD = {"person": "Ann", "given_to": "Clinic", "until": "2030-01-01T00:00:00Z", "langs": ["es", "pt-BR"]}


class Hands:
    """Two clocks that stand still until they are moved."""

    seconds = 0.0
    now = datetime(2029, 12, 31, tzinfo=UTC)


def consents(folder: Path, hands: Hands) -> Consents:
    return Consents(folder, ["ann"], lambda: hands.seconds, lambda: hands.now)


def write(folder: Path, **changed: object) -> None:
    (folder / "ann.json").write_text(json.dumps({**RECORD, **changed}))


async def code_of(asked: Consents, lang: str = "es") -> str:
    try:
        await asked.require("ann", lang)
    except PermissionDenied as refused:
        return f"{refused.stage}: {refused.code}"
    return ""


async def test_a_voice_that_is_nobodys_needs_no_consent(tmp_path: Path) -> None:
    await consents(tmp_path, Hands()).require("es+f3", "es")


async def test_a_persons_voice_without_a_record_is_silent(tmp_path: Path) -> None:
    assert await code_of(consents(tmp_path, Hands())) == "TTS: CONSENT_MISSING"
    assert await code_of(Consents(None, ["ann"])) == "TTS: CONSENT_MISSING"


@pytest.mark.parametrize(
    "changed",
    [{"person": ""}, {"until": "soon"}, {"until": "2030-01-01"}, {"langs": []}, {"lang": "es"}, {"revoked": True}],
    ids=str,
)
async def test_a_record_that_says_too_little_or_is_taken_back_is_none(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    write(tmp_path, **changed)
    assert await code_of(consents(tmp_path, Hands())) == "TTS: CONSENT_MISSING"


async def test_consent_is_to_its_languages_alone(tmp_path: Path) -> None:
    write(tmp_path)
    asked = consents(tmp_path, Hands())
    assert [await code_of(asked, lang) for lang in ("es", "es-MX", "fr")] == ["", "", "TTS: CONSENT_OTHER_LANG"]


async def test_consent_that_is_over_is_over_at_once(tmp_path: Path) -> None:
    write(tmp_path)
    hands = Hands()
    asked = consents(tmp_path, hands)
    assert await code_of(asked) == ""
    hands.now = datetime(2030, 1, 1, tzinfo=UTC)
    assert await code_of(asked) == "TTS: CONSENT_OVER"


async def test_consent_that_is_taken_back_is_known_within_the_time_that_a_record_is_kept(tmp_path: Path) -> None:
    write(tmp_path)
    hands = Hands()
    asked = consents(tmp_path, hands)
    assert await code_of(asked) == ""
    (tmp_path / "ann.json").unlink()
    hands.seconds += STALE_SECONDS
    assert await code_of(asked) == "TTS: CONSENT_MISSING"
    write(tmp_path)
    hands.seconds += STALE_SECONDS
    assert await code_of(asked) == ""
