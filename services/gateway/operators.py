"""What a gateway serves at its operators' port beside what every service does: the overview, and the autoscaler's."""

from __future__ import annotations

import grpc

from externalscaler import externalscaler_pb2_grpc as scaler_grpc
from mesh.overview.v1 import overview_pb2_grpc as overview_grpc
from services.gateway.overview import OverviewServicer
from services.gateway.recent import Recent
from services.gateway.scale.servicer import ScalerServicer
from services.gateway.sight import Sight


def add_to(server: grpc.aio.Server, sight: Sight, recent: Recent) -> None:
    """Registers it with a server."""
    scaler_grpc.add_ExternalScalerServicer_to_server(ScalerServicer(sight), server)
    overview_grpc.add_OverviewServicer_to_server(OverviewServicer(sight, recent), server)
