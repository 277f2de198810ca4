"""NVIDIA Riva: TranslateText, on the stubs of nvidia-riva-client. Calls are batched on the server.

Riva calls a phrase with a translation of its own a do-not-translate phrase as well: `source##translation`, each in an
element of its own of the list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from riva.client.proto import riva_nmt_pb2, riva_nmt_pb2_grpc

from services.common.engines.load import Load
from services.common.engines.riva import Riva
from services.common.text.languages import written
from services.common.text.terminology import Term, composed, occurrences, uses
from services.mt.engine import Pair, Source, Translation
from services.mt.glossary import masked
from services.mt.settings import MtSettings

TRIES = 2
SPEECH_MODELS = ("s2s_model", "s2t_model")  # listed as well, but not for text

_REPLACED = "##"
_UNFIT = re.compile(r"##|,")  # what parts phrases and their translations, here and in NVIDIA's own clients
_MARKUP = re.compile(r"</?dnt>", re.IGNORECASE)  # Riva takes it for its own
_CONTROLS = dict.fromkeys([*range(32), 127], " ")


@dataclass(frozen=True, slots=True)
class Route:
    """The model and language names with which Riva is called for a pair."""

    model: str
    source: str
    target: str


class Engine:
    """Translates with the pairs that a Riva server offers."""

    name = "riva"
    starts_programs = False
    shaped = False
    versions = ()
    device = "Riva server"
    continues_prefix = False

    def __init__(self, settings: MtSettings) -> None:
        self._settings = settings.riva
        self._riva = Riva(settings.riva, "MT")
        self.load = Load("mt", settings.slots)  # a call in flight is in work: the server tells of none that waits
        self._stub: Any = None
        self._routes: dict[Pair, Route] = {}
        self.version = ""
        self.patience_seconds = TRIES * self._riva.patience_seconds

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that the server's models translate; known after `start`."""
        return tuple(self._routes)

    async def start(self) -> None:
        """Connect and list the server's pairs. Raises StageFailed without a server, InvalidArgument when settings
        disagree.
        """
        self._stub = riva_nmt_pb2_grpc.RivaTranslationStub(self._riva.open())
        request = riva_nmt_pb2.AvailableLanguageRequest(model=self._settings.model)
        told = await self._riva.configuration(self._stub.ListSupportedLanguagePairs, request)
        models = {name: told.languages[name] for name in sorted(told.languages) if name not in SPEECH_MODELS}
        for name, languages in models.items():
            for source in languages.src_lang:
                for target in languages.tgt_lang:
                    self._add(Route(name, source, target))
        if not self._routes:
            raise self._riva.failed(f"The Riva server translates nothing: check {self._riva.setting('model')}.")
        self.version = ", ".join(sorted({route.model for route in self._routes.values()}))

    async def stop(self) -> None:
        """Close the connection to the Riva server."""
        await self._riva.close()

    async def translate(self, source: Source) -> Translation:
        """Translate a text with Riva; where the answer lacks terms, retry with stand-in words for them. Raises
        StageFailed.
        """
        route = self._routes[source.pair]
        text = _MARKUP.sub(" ", composed(source.text).translate(_CONTROLS))
        translation = await self._ask(route, text, phrases(text, source.terms))
        if all(use.honoured for use in uses(text, translation, source.terms)):
            return Translation(translation)
        asked = masked(text, source.terms)
        again = await self._ask(route, asked.text, sorted({standin.word for standin in asked.standins}))
        return Translation(asked.restored(again) if asked.whole(again) else translation)

    async def _ask(self, route: Route, text: str, dnt_phrases: Sequence[str]) -> str:
        request = riva_nmt_pb2.TranslateTextRequest(
            texts=[text],
            model=route.model,
            source_language=route.source,
            target_language=route.target,
            dnt_phrases=dnt_phrases,
            max_len_variation=self._settings.max_len_variation,
        )
        with self.load.working():
            response = await self._riva.ask(self._stub.TranslateText, request)
        if len(response.translations) != 1:
            raise self._riva.failed(f"Riva gave {len(response.translations)} translations of one text.")
        return str(response.translations[0].text).strip()

    def _add(self, route: Route) -> None:
        """Add a pair, served by the first model that has it."""
        pair = Pair(written(route.source), written(route.target))
        if pair.source and pair.target and pair.source != pair.target:
            self._routes.setdefault(pair, route)


def phrases(text: str, terms: Sequence[Term]) -> list[str]:
    """Return the do-not-translate phrases of a composed text: its terms as written there, some with a replacement.

    A term whose text contains a comma or `##` is left out, as Riva would read it as two.
    """
    found: dict[str, None] = {}
    for each in occurrences(text, terms):
        said, translation = text[each.start : each.end], each.term.translation
        if not _UNFIT.search(said + translation):
            found[f"{said}{_REPLACED}{translation}" if translation else said] = None
    return list(found)
