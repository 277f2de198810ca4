"""How many replicas of a stage, or of the gateway, the load is worth: what an autoscaler divides by its target.

Every measure is a sum over replicas. `target x replicas = value` then holds at the number of replicas wanted, which is
what an `AverageValue` of the HPA asks: ceil(value / target) replicas, however many there are now.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from services.common.states import State
from services.gateway.values.stages import Status


class Measure(StrEnum):
    """A resource that a stage can be short of."""

    SLOTS = "slots"  # places for streams, of a stage
    FILL = "fill"  # places in the engine's batches
    QUEUE = "queue"  # the engine's time: seconds that work waits for it
    SESSIONS = "sessions"  # places for sessions, of the gateway; of MT and TTS: for those of the mesh (see `crowd`)


def worth(measure: Measure, statuses: Iterable[Status], turned_away: int = 0) -> float:
    """What the replicas have in hand, in replicas; for QUEUE: seconds, summed over those that serve.

    What a replica that drains has in hand moves to others, so it is counted until it has moved: a replica that is
    scaled in, or replaced, lowers no demand. Only a wait stays where it is: QUEUE counts those that serve. Replicas
    that start, are stuck or unknown have nothing in hand that will stay.

    `turned_away` are sessions refused for want of a place that are about to ask again (see `turned_away.py`): for
    SLOTS and SESSIONS they are demand like those that have one. Without them a full stage shows `used = total` however
    many stand outside, so it would grow by 1/target only with every start of a replica, and a crowd would wait for many
    starts in a row. They are an estimate, and who asks again and again could drive it: it counts at most as much as
    what is in use (or one replica where nothing is), so what is wanted at most doubles until new replicas serve.
    """
    known = list(statuses)
    serving = [each for each in known if each.state is State.SERVING]
    if measure is Measure.QUEUE:
        return sum(each.queue_seconds for each in serving)
    in_hand = serving + [each for each in known if each.state is State.DRAINING]
    if measure is Measure.FILL:
        return sum(each.fill for each in in_hand)
    places = [each for each in in_hand if each.slots_total]
    if not places:
        return 0.0
    used = sum(each.slots_used / each.slots_total for each in places)
    outside = turned_away * len(places) / sum(each.slots_total for each in places)
    return used + min(outside, max(used, 1.0))


def crowd(gateways: Iterable[Status], turned_away: int = 0) -> float:
    """How many sessions the mesh has, or is about to: what MT and TTS will be called for.

    A session that is let in speaks a moment later, and pods take longer than that to start. FILL and QUEUE tell of it
    once its calls have come; this tells at once, when ASR and the gateways ask for more too. `turned_away` counts, and
    is bounded, as in `worth`: a session waits for a slot of ASR or of a gateway, and will need the other stages then.
    """
    places = [each for each in gateways if each.state in (State.SERVING, State.DRAINING) and each.slots_total]
    if not places:
        return 0.0
    used = float(sum(each.slots_used for each in places))
    one = sum(each.slots_total for each in places) / len(places)
    return used + min(turned_away, max(used, one))
