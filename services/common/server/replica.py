"""A service's parts that its server watches: slots, engine and ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from services.common.engines.engine import Engine
from services.common.engines.tiering import Tiering
from services.common.server.faults import Forward
from services.common.server.slots import Slots
from services.common.server.watchdog import Watchdog
from services.common.tls.serving import NOBODY, Callers


@dataclass(slots=True)
class Edge:
    """What a service called by strangers needs: a port of its own for operators, and bounds on the callers'."""

    operations: str  # address of the operators' port; once it serves, with the port that was taken
    add_to: Callable[[grpc.aio.Server], None]  # registers what is served there beside health, state and faults
    connections: int  # of clients, at once
    backlog: int  # connections that may wait to be accepted
    operators: Callers = NOBODY  # who may call there
    trust_traces: bool = False  # whether calls are a part of their callers' traces
    reflection: bool = False  # whether strangers are served reflection of what they may call


@dataclass(frozen=True, slots=True)
class Replica:
    """One replica of a service, as its server sees it."""

    slots: Slots
    watchdog: Watchdog | None = None  # none without an engine
    engine: Engine | None = None
    forward: Forward | None = None  # passes a simulated fault on to a replica of a stage, where it calls stages
    edge: Edge | None = None  # none where only services of the mesh call
    tiering: Tiering | None = None  # of a stage that chooses among several models
    turned_away: Callable[[], int] = lambda: 0  # sessions that were refused for want of a place and will ask again
