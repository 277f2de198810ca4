"""What it costs to end a replica: which pod a scale-in takes first. Pure.

Kubernetes ends pods of lower cost first (the annotation `controller.kubernetes.io/pod-deletion-cost`), those without
one as if it were 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.common.states import State
from services.gateway.values.stages import Seen, Status

CHEAPEST = -1  # nobody misses it: it is about to stop, or does nothing now
STREAMS = ("asr", "gateway")  # serve streams as long as a session; calls of the others are over within seconds
LET_GO = 0.75  # a cost stands until so little of what it stands for is left: writes are rare at the edge of two


@dataclass(frozen=True, slots=True)
class Pod:
    """A running pod, as the platform lists it."""

    name: str
    ip: str
    cost: int | None  # as it is annotated now; None: not, or not by a number


def cost(stage: str, status: Status, before: int | None) -> int:
    """The cost of a replica: its live streams, in steps of twice as many, so that it changes rarely."""
    if status.state is not State.SERVING:
        return CHEAPEST
    used = status.slots_used if stage in STREAMS else 0
    if before is not None and before > 0 and LET_GO * before <= used < 2 * before:
        return before
    return 1 << used.bit_length() - 1 if used else 0


def changes(pods: Sequence[Pod], seen: Mapping[str, Sequence[Seen]]) -> list[tuple[Pod, int]]:
    """Pods and their new costs, the cheapest first: what may be ended soonest is to be known first.

    A stage none of whose replicas is heard is left as it is: more likely than all of them we are cut off. So is a pod
    whose address is not its own, or not that of a replica.
    """
    by_ip: dict[str, list[Pod]] = {}
    for pod in pods:
        by_ip.setdefault(pod.ip, []).append(pod)
    found: list[tuple[Pod, int]] = []
    for stage, replicas in seen.items():
        if all(replica.status.state is State.UNKNOWN for replica in replicas):
            continue
        for replica in replicas:
            of = by_ip.get(replica.address.rpartition(":")[0].strip("[]"), [])
            if len(of) == 1 and (wanted := cost(stage, replica.status, of[0].cost)) != of[0].cost:
                found.append((of[0], wanted))
    return sorted(found, key=lambda change: change[1])
