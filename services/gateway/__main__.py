"""Runs the gateway: `python -m services.gateway`."""

from __future__ import annotations

import uvloop

from services.common.server.lifecycle import run
from services.gateway.masking import names
from services.gateway.servicer import GatewayServicer
from services.gateway.settings import GatewaySettings


def _make() -> tuple[GatewayServicer, GatewaySettings]:
    settings = GatewaySettings()
    names.load()
    return GatewayServicer(settings), settings


if __name__ == "__main__":
    run("gateway", _make, uvloop.new_event_loop)
