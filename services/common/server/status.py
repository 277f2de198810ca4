"""The state of a service, and the servicer that streams it: `mesh.stage.v1.Stage`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.channel import Changes
from services.common.server.replica import Replica
from services.common.states import State

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[stage_pb2.WatchRequest, stage_pb2.WatchResponse]

TOLD_SECONDS = 1 / 3  # whoever watches takes a replica for lost after a second
TOLD_FULL_SECONDS = 0.05  # of a slot that is free again, to who refuses sessions as long as there is none


class Status:
    """The state of this service, which others can await changes of."""

    def __init__(self) -> None:
        self._phase = State.STARTING  # but for an engine that is stuck
        self._stuck = False
        self._over = False
        self._changed = Changes()

    @property
    def state(self) -> State:
        """The current state: STUCK while the engine is stuck, else the phase."""
        return State.STUCK if self._stuck else self._phase

    @property
    def over(self) -> bool:
        """Whether the service has ended, and its state changes no more."""
        return self._over

    async def enter(self, phase: State) -> None:
        """Enter a phase (starting, serving or draining), and notify those who wait."""
        self._phase = phase
        self._changed.tell()

    async def stick(self, stuck: bool) -> None:
        """Record whether the engine is stuck, and notify those who wait."""
        self._stuck = stuck
        self._changed.tell()

    async def end(self) -> None:
        """End the state: notify those who wait that no more changes follow."""
        self._over = True
        self._changed.tell()

    async def change(self, within_seconds: float) -> None:
        """Wait for a change of the state, for at most so many seconds."""
        await self._changed.wait(within_seconds)


class StatusServicer(stage_pb2_grpc.StageServicer):
    """Serves `mesh.stage.v1.Stage`: streams the state and reports the versions."""

    def __init__(self, status: Status, replica: Replica) -> None:
        self._status = status
        self._slots = replica.slots
        self._engine = replica.engine
        self._turned_away = replica.turned_away
        self._tiering = replica.tiering
        self._load = replica.engine.load if replica.engine else None

    async def Watch(  # type: ignore[override]  # noqa: D102 - it writes; the contract documents it
        self, request: stage_pb2.WatchRequest, context: Context
    ) -> Any:
        over = False
        while not over:
            state, over = self._status.state, self._status.over
            await context.write(
                stage_pb2.WatchResponse(
                    state=stage_pb2.State.ValueType(state),
                    slots_total=self._slots.total,
                    slots_used=self._slots.used,
                    turned_away=self._turned_away(),
                    queue_seconds=self._load.queue_seconds if self._load else 0.0,
                    fill=self._load.fill if self._load else 0.0,
                    tiers=self._tiers(),
                )
            )
            if (state, over) == (self._status.state, self._status.over) and not over:
                full = self._slots.used >= self._slots.total
                await self._status.change(TOLD_FULL_SECONDS if full else TOLD_SECONDS)

    def _tiers(self) -> list[stage_pb2.Tier]:
        in_use = self._tiering.in_use() if self._tiering else ()
        return [stage_pb2.Tier(name=name, sessions=sessions) for name, sessions in in_use]

    async def Report(  # noqa: D102 - the contract documents it
        self, request: stage_pb2.ReportRequest, context: Any
    ) -> stage_pb2.ReportResponse:
        return stage_pb2.ReportResponse(
            versions=[
                stage_pb2.Version(
                    bundle=version.bundle,
                    version=version.version,
                    serves=version.serves,
                    share=share,
                    calls=version.calls,
                    failures=version.failures,
                    measures=[stage_pb2.Measure(name=name, mean=mean) for name, mean in version.means.items()],
                )
                for version, share in (self._engine.versions if self._engine else ())
            ]
        )
