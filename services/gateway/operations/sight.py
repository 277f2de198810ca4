"""What this gateway sees of the mesh: the stages, itself and, where it is told of them, its peers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from services.common.states import State
from services.common.tls.calling import PLAIN, Dial
from services.gateway.operations.scale.triggers import GATEWAY
from services.gateway.settings import GatewaySettings
from services.gateway.stages.addresses import Addresses
from services.gateway.stages.replicas import Replicas
from services.gateway.stages.stages import Stages
from services.gateway.values.stages import Seen, Status

IN_HAND = (State.SERVING, State.DRAINING)  # replicas of these states tell what there is to do


class Sight:
    """`run` watches the peers; the stages are watched by who calls them.

    `own` is this gateway's status. It is among the peers when they are told, and alone when none of them is seen.
    """

    def __init__(
        self, stages: Stages, settings: GatewaySettings, own: Callable[[], Status], dial: Dial = PLAIN
    ) -> None:
        self._stages = stages
        self._own = own
        self._leaving = asyncio.Event()
        seconds = (settings.watch_timeout_ms / 1000, settings.resolve_seconds)
        addresses = Addresses(settings.peer_endpoints, tls_name=settings.peer_tls_name, dial=dial)
        self._peers = Replicas("GATEWAY", addresses, *seconds)

    async def run(self) -> None:
        """Watches the peers. Runs until it is cancelled."""
        await self._peers.run()

    def leave(self) -> None:
        """This gateway is about to stop: who watches through it is to look for another one."""
        self._leaving.set()

    async def leaves_within(self, seconds: float) -> bool:
        """Whether this gateway is about to stop, now or within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                return await self._leaving.wait()
        except TimeoutError:
            return False

    @property
    def own(self) -> Seen:
        """This gateway, as its peers see it."""
        return Seen(0, self._own())

    def of(self, stage: str) -> Sequence[Seen]:
        """The replicas of "asr", "mt" or "tts", or the gateways."""
        if stage != GATEWAY:
            return self._stages.seen(stage.upper())
        peers = self._peers.seen
        return peers if any(peer.status.state is not State.UNKNOWN for peer in peers) else [self.own]

    def statuses(self, stage: str) -> list[Status]:
        """What each replica of a stage, or each gateway, told of itself last."""
        return [seen.status for seen in self.of(stage)]

    @property
    def turned_away(self) -> int:
        """Sessions that a gateway refused for want of a place, anywhere, and that are about to ask again."""
        return sum(status.turned_away for status in self.statuses(GATEWAY))

    def active(self, stage: str) -> bool:
        """Whether any replica of it is wanted: someone has a session, asks for one, or calls the stage.

        A gateway that starts wants one of each: it is ready once it has seen what each stage can do.
        """
        gateways = self.statuses(GATEWAY)
        if self.turned_away or any(each.state is State.STARTING for each in gateways):
            return True
        in_hand = [each for each in gateways + self.statuses(stage) if each.state in IN_HAND]
        return any(each.slots_used for each in in_hand)
