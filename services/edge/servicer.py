"""The edge as a service: its HTTP server, its connections, and its health for operators over gRPC."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

import grpc

from services.common.server.replica import Replica
from services.common.server.slots import Slots
from services.edge.app import Serving, app
from services.edge.doors.entrance import Doors
from services.edge.doors.limits import Clients
from services.edge.realtime.registry import Registry
from services.edge.rooms.calls import RoomCalls, rooms_served
from services.edge.rooms.rooms import Rooms
from services.edge.serving import served
from services.edge.settings import EdgeSettings
from services.edge.upstream import gateway_of
from services.edge.viewing.galleries import Galleries
from services.edge.wyoming.server import wyoming_served

log = logging.getLogger(__name__)


class EdgeServicer:
    """Serves HTTP and WebSocket beside the gRPC port of operators."""

    service_name = "mesh.edge.v1.Edge"  # has a health, and no methods

    def __init__(self, settings: EdgeSettings) -> None:
        self._settings = settings
        self._slots = Slots(settings.slots, stage="")
        self._registry = Registry()
        self._running = AsyncExitStack()
        self.port = 0  # of HTTP, once it serves
        self.rooms_port = 0  # of rooms over gRPC, where they are served
        self.replica = Replica(self._slots)

    def add_to(self, server: grpc.aio.Server) -> None:
        """Add nothing: operators ask for health and state alone."""

    async def start(self) -> None:
        """Serve HTTP. The gateway may come later: until then requests are answered with 503."""
        settings = self._settings
        gateway = await self._running.enter_async_context(gateway_of(settings))
        doors = Doors(settings, Clients(settings, self._slots, settings.client_slots), gateway)
        viewers = Clients(settings, Slots(settings.viewers, stage=""), settings.client_viewers)
        secret = settings.viewing_secret
        galleries = Galleries(secret.get_secret_value().encode()) if secret else Galleries()
        rooms = await self._running.enter_async_context(Rooms(settings, gateway).running())
        calls = RoomCalls(doors, viewers, self._registry, rooms)
        self.rooms_port = await self._running.enter_async_context(rooms_served(calls, settings))
        serving = app(Serving(doors, self._registry, galleries, viewers, self._slots, rooms))
        self.port = await self._running.enter_async_context(served(serving, self._settings))
        await self._running.enter_async_context(wyoming_served(doors, self._registry))
        log.info("serving http", extra={"fields": {"port": self.port}})

    async def drain(self, seconds: float) -> None:
        """Ask all clients to go on elsewhere, and take no new ones."""
        await self._registry.drain(seconds)

    async def stop(self) -> None:
        """Stop the HTTP server, and close the channel to the gateway."""
        await self._running.aclose()
