"""Decides when to identify the language of the open utterance, and when it is final. Pure; time is the session's
audio.

A look costs little and is often wrong about the first words; one at more of the utterance is surer. So there are a few
of them, each at more of the audio, until one is sure enough. Segments split from one utterance share its language.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.asr.engine import Language
from services.common.audio.pcm import ASR_RATE
from services.common.rates import Allowance, Rate

if TYPE_CHECKING:
    from services.asr.settings import IdentificationSettings

_GROWTH = 1.6  # a look has so many times the audio of the one before
_BURST = 10  # looks that may follow each other after a pause


class Deciding:
    """Decides the language of each utterance of a session, one after the other.

    `language` is that of the open one: tentative, and that of the utterance before, until it is decided.
    """

    def __init__(self, default: str, settings: IdentificationSettings, first: str = "") -> None:
        """Begin with the session's default language; `first` is that of the first utterance, where it was decided."""
        self._default = default
        self._settings = settings
        self._allowance = Allowance(Rate(settings.per_minute / 60, _BURST), now=0.0)
        self._looks = 0  # at the open utterance
        self.language = Language(first or default, tentative=not first)

    def due(self, heard_samples: int, at_samples: int, ends: bool = False) -> bool:
        """Return whether to identify the language now, with `heard_samples` of the utterance up to `at_samples` on the
        session's clock.

        True counts as a look. There is none where the session has had too many: the utterance ends in the default.
        """
        if not self.language.tentative or not heard_samples:
            self._settle(ends)
            return False
        next_samples = self._settings.first_ms * ASR_RATE / 1000 * _GROWTH**self._looks
        wanted = ends or (self._looks < self._settings.looks and heard_samples >= next_samples)
        if wanted and not self._allowance.ask(at_samples / ASR_RATE):
            self._looks += 1
            return True
        self._settle(ends)
        return False

    def found(self, language: Language, ends: bool = False) -> None:
        """Record an identified language; one found at the end of the utterance, or at the last attempt before it,
        decides.

        It is unsure where the engine holds other languages than the allowed ones for likely as well: what sounds like
        none of them is often taken for the wrong one.
        """
        last = ends or self._looks >= self._settings.looks
        unsure = language.confidence * language.share < self._settings.spoken
        if language.confidence >= (self._settings.least if last else self._settings.sure) and (last or not unsure):
            self.language = replace(language, unsure=unsure)
        elif last:
            kept = language.confidence if language.tag == self._default else 0.0
            self.language = Language(self._default, kept, unsure=unsure or (not kept and self._settings.spoken > 0))
        else:
            self.language = Language(language.tag, language.confidence, tentative=True)

    def ended(self, split: bool) -> None:
        """End the utterance; speech that follows a split is the rest of the same utterance, and keeps its language."""
        if not split:
            self.language = Language(self.language.tag, tentative=True)
            self._looks = 0

    def _settle(self, ends: bool) -> None:
        if ends and self.language.tentative:
            self.language = Language(self._default, unsure=self._settings.spoken > 0)
