"""What a client may change within its session, held against the token that the session runs under by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.agreement.glossaries import Glossaries
from services.gateway.agreement.glossary import Dictionary
from services.gateway.agreement.permission import require_targets
from services.gateway.agreement.targeting import agree_targets
from services.gateway.settings import GatewaySettings
from services.gateway.tokens.grants import Grant
from services.gateway.tokens.standing import FIELD, Standing
from services.gateway.values.stages import Catalog
from services.gateway.values.terms import TargetTerms, Terms


@dataclass(frozen=True, slots=True)
class Changes:
    """Agrees with one session about other targets and another glossary. Raises MeshError for what is refused."""

    terms: Terms
    settings: GatewaySettings  # within the session's budget
    glossaries: Glossaries
    catalog: Callable[[], Catalog]
    standing: Standing
    dictionary: Dictionary

    def __post_init__(self) -> None:
        self._use(self.terms.targets)

    def targets(self, wanted: list[tuple[str, pb.Target]]) -> tuple[TargetTerms, ...]:
        """The targets that are asked for, each with the path of its field."""
        agreed = agree_targets(wanted, self.terms.spoken_langs, self.catalog(), self.settings)
        require_targets(self.standing.grant, agreed, "control.targets")
        self._use(agreed)
        return agreed

    async def glossary(self, wanted: pb.Glossary) -> None:
        """Put a glossary in force; the one before stays where it is refused."""
        grant = self.standing.grant
        grant.require_own_terms(wanted.terms, "control.glossary.terms")
        await self.glossaries.of(grant.tenant).swap(wanted, self.dictionary, self.catalog())

    def _use(self, targets: Sequence[TargetTerms]) -> None:
        """Have a fresh token refused that does not grant the languages and voices in use: they would outlive it."""

        def require(fresh: Grant) -> None:
            for lang in self.terms.spoken_langs:
                fresh.require_language(lang, FIELD)
            require_targets(fresh, targets, FIELD)

        self.standing.in_use = require
