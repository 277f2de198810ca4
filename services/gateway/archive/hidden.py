"""Masks what the archive keeps of a session whose people see everything as it was said."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from services.common.text.placeholders import PATTERN, PLACEHOLDERS
from services.gateway.masking.kinds import PROFANITY
from services.gateway.masking.masker import Masker
from services.gateway.values.speech import Transcript

_MOST_SEGMENTS = 256  # whose placeholders are remembered until their translations come
_PLACEHOLDER = re.compile(PATTERN)


class Hider:
    """Masks final transcripts and translations, in the order in which they are given. Its methods may take a while."""

    def __init__(self, masker_of: Callable[[str], Masker]) -> None:
        """`masker_of` makes what masks texts of a language (BCP-47)."""
        self._masker_of = masker_of
        self._maskers: dict[str, Masker] = {}
        self._hidden: OrderedDict[int, list[str]] = OrderedDict()  # placeholders by segment

    def transcript(self, said: Transcript, lang: str) -> str:
        """Return a final transcript's text with placeholders."""
        text = self._masked(said, f"source {lang}", lang)
        self._hidden[said.segment_id] = [each for each in _PLACEHOLDER.findall(text) if each != PLACEHOLDERS[PROFANITY]]
        while len(self._hidden) > _MOST_SEGMENTS:
            self._hidden.popitem(last=False)
        return text

    def translation(self, said: Transcript, lang: str, text: str) -> str:
        """Return a final translation with placeholders; where what the source hides is not found in it, those alone."""
        masked = self._masked(replace(said, text=text, words=(), language="", corrected=False), lang, lang)
        hidden = self._hidden.get(said.segment_id, [])
        missing = len(hidden) > len(_PLACEHOLDER.findall(masked))
        return " ".join(hidden) if missing else masked

    def _masked(self, said: Transcript, key: str, lang: str) -> str:
        masker = self._maskers.get(key)
        if masker is None:
            masker = self._maskers[key] = self._masker_of(lang)
        whole = replace(said, final=True, stable_length=len(said.text), language_tentative=False)
        return masker.masked(whole).text
