"""What the gateway's ports are: clients' bounds, and what is served to operators, and to whom of them."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from services.common.server.replica import Edge
from services.common.tls.serving import Callers, file_of
from services.gateway.account.measures import Recent
from services.gateway.operations import overview
from services.gateway.operations.archive import ArchiveServicer
from services.gateway.operations.sight import Sight
from services.gateway.settings import GatewaySettings


def edge(
    settings: GatewaySettings,
    sight: Sight,
    recent: Recent,
    archive: ArchiveServicer,
    doors: Sequence[grpc.aio.ServerInterceptor],
) -> Edge:
    """Return the edge, as the settings have it; `doors` decide who may call the operators' port."""
    own = "operations_tls_client_ca" if settings.operations_tls_client_ca else "tls_client_ca"
    names = settings.variable("operations_tls_callers")
    return Edge(
        settings.operations,
        lambda server: overview.add_to(server, sight, recent, archive),
        settings.connections,
        settings.connection_backlog,
        Callers(file_of(settings, own), settings.operations_tls_callers, names),
        settings.trust_traces,
        settings.client_reflection,
        doors,
    )
