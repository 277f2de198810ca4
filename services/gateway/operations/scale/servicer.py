"""How many replicas are wanted, told to KEDA: `externalscaler.ExternalScaler`.

Answers come at once from what the gateway watches anyway, so that a decision lags behind the load by a fraction of a
second, and not by the intervals at which metrics are scraped, aggregated and queried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from externalscaler import externalscaler_pb2 as pb
from externalscaler import externalscaler_pb2_grpc as pb_grpc
from services.common.errors import InvalidArgument, quoted
from services.gateway.operations.scale import triggers
from services.gateway.operations.scale.triggers import GATEWAY, Trigger
from services.gateway.operations.scale.worth import Measure, crowd, worth
from services.gateway.operations.sight import IN_HAND, Sight
from services.gateway.values.stages import Status

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
LOOK_SECONDS = 0.5  # between two looks at whether a stage is wanted


class Values:
    """The values of metrics, with a memory for stages that are not there.

    A stage that nobody hears of is not one without load. While it is wanted its last value stands, so that replicas
    which are cut off or restart are not scaled in, and a stage that was scaled to none, or never was, is worth one
    replica. Once nobody wants it, it is worth nothing.
    """

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._last: dict[tuple[str, Measure], float] = {}

    def of(self, trigger: Trigger) -> float:
        """The present value of a trigger, in replicas' worth."""
        statuses = self._sight.statuses(trigger.stage)
        key = (trigger.stage, trigger.measure)
        if any(status.state in IN_HAND for status in statuses):
            self._last[key] = self._counted(trigger, statuses)
        elif self._sight.active(trigger.stage):
            known = self._counted(trigger, statuses) if trigger.of_mesh else self._last.get(key, 0.0)
            return max(known, trigger.target)
        else:
            self._last.pop(key, None)
        return self._last.get(key, 0.0)

    def _counted(self, trigger: Trigger, statuses: Sequence[Status]) -> float:
        if trigger.of_mesh:
            return crowd(self._sight.statuses(GATEWAY), self._sight.turned_away)
        return worth(trigger.measure, statuses, self._sight.turned_away)


class ScalerServicer(pb_grpc.ExternalScalerServicer):
    """Serves KEDA. Any gateway answers for all of them that it was told of (GATEWAY_PEER_ENDPOINTS)."""

    def __init__(self, sight: Sight) -> None:
        self._sight = sight
        self._values = Values(sight)

    async def IsActive(self, request: pb.ScaledObjectRef, context: Context) -> pb.IsActiveResponse:
        trigger = triggers.read(request.scalerMetadata)
        return pb.IsActiveResponse(result=self._sight.active(trigger.stage))

    async def StreamIsActive(  # type: ignore[override]  # it writes
        self, request: pb.ScaledObjectRef, context: Context
    ) -> None:
        trigger = triggers.read(request.scalerMetadata)
        told, leaving = None, False
        while not leaving:  # it ends well at a drain: KEDA then comes back at once, and later and later after a fault
            active = self._sight.active(trigger.stage)
            if active is not told:
                await context.write(pb.IsActiveResponse(result=active))
                told = active
            leaving = await self._sight.leaves_within(LOOK_SECONDS)

    async def GetMetricSpec(self, request: pb.ScaledObjectRef, context: Context) -> pb.GetMetricSpecResponse:
        trigger = triggers.read(request.scalerMetadata)
        spec = pb.MetricSpec(metricName=trigger.metric, targetSize=1, targetSizeFloat=trigger.target)
        return pb.GetMetricSpecResponse(metricSpecs=[spec])

    async def GetMetrics(self, request: pb.GetMetricsRequest, context: Context) -> pb.GetMetricsResponse:
        trigger = triggers.read(request.scaledObjectRef.scalerMetadata)
        asked = re.sub(r"^s\d+-", "", request.metricName)  # how KEDA numbers triggers; it takes that off by itself
        if asked != trigger.metric:
            message = f"{quoted(request.metricName)} is not the metric of this trigger."
            raise InvalidArgument("SCALER_METRIC", message, "metricName", [trigger.metric])
        value = self._values.of(trigger)
        told = pb.MetricValue(metricName=trigger.metric, metricValue=trigger.wanted(value), metricValueFloat=value)
        return pb.GetMetricsResponse(metricValues=[told])
