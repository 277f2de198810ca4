"""A session that is about to open: what was agreed, and what it is made of."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass

from services.gateway.backlog import Backlog
from services.gateway.beside import goodbye
from services.gateway.call import Call, watch_reader
from services.gateway.continuation import Continuation, Position
from services.gateway.glossary import Dictionary
from services.gateway.ledger import Ledger
from services.gateway.lifetime import give_back, retire
from services.gateway.measures import Measures
from services.gateway.messages import ServerMessage
from services.gateway.outage import Patience
from services.gateway.outbox import Outbox
from services.gateway.recent import Recent
from services.gateway.recognition import Recognition
from services.gateway.running import Life, Lives
from services.gateway.seam import Seed
from services.gateway.settings import GatewaySettings
from services.gateway.shared import Shared
from services.gateway.stages import Stages
from services.gateway.tenants import Place
from services.gateway.terms import Terms, samples


@dataclass(frozen=True, slots=True)
class Opening:
    """What was agreed before a session is opened."""

    terms: Terms
    settings: GatewaySettings  # as the session's budget shortens them
    goes_on: Continuation
    life: Life
    place: Place
    sign: Callable[[Position], str]

    def shared(self, stages: Stages, outbox: Outbox[ServerMessage], recent: Recent) -> Shared:
        """What its parts will share."""
        ledger = Ledger(time.monotonic, self.goes_on)
        return Shared(
            self.terms,
            stages,
            outbox,
            Backlog(samples(self.settings.max_backlog_ms), self.terms.overload, self.goes_on.start_samples),
            ledger,
            Dictionary(self.terms.glossary, self.terms.source_langs),
            Measures(self.terms.source_lang, ledger, self.goes_on, recent),
            goes_on=self.goes_on,
            sign=self.sign,
        )

    def recognition(self, shared: Shared) -> Recognition:
        """Its recognizer's side, which goes on where the client has got to."""
        patience = Patience(self.settings.recognition_stall_ms / 1000, self.settings.stage_outage_ms / 1000)
        goes_on = self.goes_on
        seed = Seed(goes_on.start_samples, goes_on.next_segment_id, goes_on.open_transcript, goes_on.resumed)
        return Recognition(shared, seed, patience)

    def beside(self, shared: Shared, call: Call, lives: Lives) -> Iterator[Coroutine[None, None, None]]:
        """What goes on beside it, and may end it."""
        yield watch_reader(call.outbox, self.settings.client_stall_ms / 1000)
        yield self.life.ended()
        yield goodbye(self.life, lambda: shared.go_away(lives.time_left_ms))
        yield retire(self.settings.session_seconds, shared.go_away)
        yield give_back(self.place.wanted, shared.go_away)
        if self.terms.heartbeat_ms:
            yield call.pulse.keep(self.terms.heartbeat_ms / 1000, shared.beat)

    def attributes(self) -> dict[str, str | int | list[str]]:
        """Of its span."""
        return {
            "babelmesh.session_id": self.terms.session_id,
            "babelmesh.epoch": self.goes_on.epoch,
            "babelmesh.source_lang": self.terms.source_lang,
            "babelmesh.target_langs": [target.lang for target in self.terms.targets],
        }
