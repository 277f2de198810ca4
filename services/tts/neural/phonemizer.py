"""Asks espeak-ng, as a program, for the phonemes of a clause's fragments. GPL: it is never linked."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.errors import InvalidArgument
from services.common.server.starving import own_time
from services.tts import espeak
from services.tts.neural.spelling import cleaned

_BETWEEN = "[[@@@]]"  # said between fragments, so that each is found again, whatever comes of it: nothing, or lines


class Phonemizer:
    """One espeak-ng voice as a phonemizer. Runs a child per clause, which takes 10 ms and leaves no state behind."""

    def __init__(self, program: str, voice: str, seconds: float, tie: str = "") -> None:
        """Use this voice of the program. A `tie` is written between the parts of one sound, as in "t^ʃ"."""
        self._program, self._seconds = program, seconds
        self._arguments = ("-v", voice, "-q", "--ipa", *((f"--tie={tie}",) if tie else ()), "--stdin", "-b", "1")
        self._voice = voice
        self._between = ""  # as it is told

    async def start(self) -> None:
        """Find espeak-ng's phonemes of the separator. Raises StageFailed without the program, InvalidArgument for
        the voice.
        """
        self._between = (await self._told(_BETWEEN)).strip()
        if not self._between:
            unknown = f"espeak-ng has no voice {self._voice!r}. Install its data, or a newer espeak-ng."
            raise InvalidArgument("BUNDLE_UNUSABLE", unknown, field="espeak.voice")

    async def phonemes(self, texts: Sequence[str]) -> list[str]:
        """Return the IPA of each text. Raises StageFailed when the program fails."""
        if not texts:
            return []
        told = (await self._told(f"\n\n{_BETWEEN}\n\n".join(espeak.spoken(text) for text in texts))).splitlines()
        found: list[list[str]] = [[]]
        for line in told:
            if line.strip() == self._between:
                found.append([])
            else:
                found[-1].append(line)
        if len(found) != len(texts):
            raise espeak.engine_failed("espeak-ng told the phonemes of more or less than it was asked for.")
        return [cleaned(lines) for lines in found]

    async def _told(self, text: str) -> str:
        try:
            async with own_time(self._seconds):
                return await espeak.answer(self._program, self._arguments, text)
        except TimeoutError as error:
            raise espeak.engine_failed("espeak-ng does not tell phonemes.") from error
