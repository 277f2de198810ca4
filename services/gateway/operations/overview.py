"""What this gateway sees of the mesh, told to those who look after it: `mesh.overview.v1.Overview`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from externalscaler import externalscaler_pb2_grpc as scaler_grpc
from mesh.archive.v1 import archive_pb2_grpc as archive_grpc
from mesh.overview.v1 import overview_pb2 as pb
from mesh.overview.v1 import overview_pb2_grpc as overview_grpc
from mesh.overview.v1 import overview_pb2_grpc as pb_grpc
from mesh.stage.v1 import stage_pb2
from services.common.errors import InvalidArgument
from services.gateway.account.measures import PairOutcome, Recent, Spread
from services.gateway.operations.archive import ArchiveServicer
from services.gateway.operations.scale.servicer import ScalerServicer
from services.gateway.operations.scale.triggers import GATEWAY, STAGES
from services.gateway.operations.sight import Sight
from services.gateway.values.stages import Seen

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
INTERVAL_MS, SHORTEST_MS, LONGEST_MS = 1000, 100, 60_000


class OverviewServicer(pb_grpc.OverviewServicer):
    """Serves `mesh.overview.v1.Overview` to whoever looks after the mesh."""

    def __init__(self, sight: Sight, recent: Recent) -> None:
        self._sight = sight
        self._recent = recent

    async def Watch(self, request: pb.WatchRequest, context: Context) -> None:  # type: ignore[override]  # noqa: D102 - it writes; the contract documents it
        interval_ms = request.interval_ms or INTERVAL_MS
        if not SHORTEST_MS <= interval_ms <= LONGEST_MS:
            accepted = [f"{SHORTEST_MS} to {LONGEST_MS}", f"0 for {INTERVAL_MS}"]
            raise InvalidArgument("OVERVIEW_INTERVAL", f"It is {interval_ms}.", "interval_ms", accepted)
        while True:
            await context.write(self._seen())
            await asyncio.sleep(interval_ms / 1000)

    def _seen(self) -> pb.WatchResponse:
        return pb.WatchResponse(
            gateway=_replica(self._sight.own),
            gateways=map(_replica, self._sight.of(GATEWAY)),
            stages=[pb.Stage(name=stage.upper(), replicas=map(_replica, self._sight.of(stage))) for stage in STAGES],
            pairs=map(_pair, self._recent.outcomes()),
            degradations=self._recent.degradations,
        )


def _replica(seen: Seen) -> pb.Replica:
    status = seen.status
    return pb.Replica(
        number=seen.number,
        state=stage_pb2.State.ValueType(status.state),
        slots_total=status.slots_total,
        slots_used=status.slots_used,
        queue_seconds=status.queue_seconds,
        fill=status.fill,
        turned_away=status.turned_away,
        tiers=[stage_pb2.Tier(name=name, sessions=sessions) for name, sessions in status.tiers],
    )


def _pair(outcome: PairOutcome) -> pb.Pair:
    source_lang, target_lang = outcome.langs
    return pb.Pair(
        source_lang=source_lang,
        target_lang=target_lang,
        segments=outcome.segments,
        lag=_spread(outcome.lag),
        first_audio=_spread(outcome.first_audio),
    )


def _spread(spread: Spread | None) -> pb.Spread | None:
    return pb.Spread(p50_ms=_held(spread.p50_ms), p95_ms=_held(spread.p95_ms)) if spread else None


def _held(milliseconds: int) -> int:
    """The nearest number that the message can hold."""
    return min(max(0, milliseconds), 2**32 - 1)


def add_to(server: grpc.aio.Server, sight: Sight, recent: Recent, archive: ArchiveServicer) -> None:
    """Register the overview, the archive and the autoscaler's service with a server."""
    archive_grpc.add_ArchiveServicer_to_server(archive, server)
    scaler_grpc.add_ExternalScalerServicer_to_server(ScalerServicer(sight), server)
    overview_grpc.add_OverviewServicer_to_server(OverviewServicer(sight, recent), server)
