"""Consent of the people whose voices are personal: looked up at each use, so that it can be taken back at any time.

A record is a file `VOICE.json` in the folder of the setting, and names what was agreed:

    {"person": "Ann Example", "given_to": "Example Clinic", "until": "2027-06-30T00:00:00Z", "langs": ["es", "pt"]}

Who takes it back deletes the file, or adds `"revoked": true`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.common.errors import PermissionDenied
from services.common.text import languages

STALE_SECONDS = 0.1  # a record is read again after so long
MISSING, OVER, OTHER_LANG = "CONSENT_MISSING", "CONSENT_OVER", "CONSENT_OTHER_LANG"


class Consent(BaseModel):
    """A record: whose voice it is, who may use it, until when, and for which languages (BCP-47)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    person: str = Field(min_length=1)
    given_to: str = Field(min_length=1)
    until: AwareDatetime
    langs: tuple[str, ...] = Field(min_length=1)
    revoked: bool = False


class Consents:
    """The records in a folder. A voice that is not personal needs none."""

    def __init__(
        self,
        folder: Path | None,
        personal: Collection[str],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._personal = frozenset(personal)
        self._clock = clock
        self._now = now
        self._read: dict[str, tuple[float, Consent | None]] = {}  # by voice: when it was read, and what was found

    async def require(self, voice: str, lang: str) -> None:
        """Raise PermissionDenied where a voice is personal and nobody agreed to this use of it, or no longer."""
        if voice not in self._personal:
            return
        at, consent = self._read.get(voice, (float("-inf"), None))
        if self._clock() - at >= STALE_SECONDS:
            consent = await asyncio.to_thread(self._record, voice)
            self._read[voice] = (self._clock(), consent)
        if consent is None or consent.revoked:
            message = "This voice is a person's, and there is no consent to its use, or none any more."
            raise PermissionDenied(MISSING, message, "voice", ["a voice that is nobody's"], stage="TTS")
        if self._now() >= consent.until:
            raise PermissionDenied(OVER, "The consent to the use of this voice is over.", "voice", stage="TTS")
        if not languages.resolve(lang, consent.langs):
            message = "There is no consent to this voice's speaking this language."
            raise PermissionDenied(OTHER_LANG, message, "lang", consent.langs, stage="TTS")

    def _record(self, voice: str) -> Consent | None:
        """The record of a voice. One that cannot be read is none: in doubt a voice is silent."""
        if self._folder is None:
            return None
        try:
            return Consent.model_validate_json((self._folder / f"{voice}.json").read_bytes())
        except (OSError, ValidationError):
            return None
