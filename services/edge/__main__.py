"""Runs the edge: `python -m services.edge`."""

from __future__ import annotations

import uvloop

from services.common.server.lifecycle import run
from services.edge.servicer import EdgeServicer
from services.edge.settings import EdgeSettings


def _make() -> tuple[EdgeServicer, EdgeSettings]:
    settings = EdgeSettings()
    return EdgeServicer(settings), settings.model_copy(update={"listen": settings.operations})


if __name__ == "__main__":
    run("edge", _make, uvloop.new_event_loop)
