"""What is counted and measured, with OpenTelemetry's API: no-ops unless a meter provider is set. Never any text."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry import metrics
from opentelemetry.metrics import Counter, Histogram, Meter

_POWERS = [float(1 << power) for power in range(11)]
_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]


@dataclass(frozen=True, slots=True)
class Batches:
    """Of batchers. Each has the attribute `batcher`, its name."""

    items: Histogram
    cost: Histogram
    queue_seconds: Histogram
    dispatches: Counter  # attribute `reason`: one of `services.common.queueing.Reason`
    halvings: Counter
    sheds: Counter


def batches(meter: Meter) -> Batches:
    """Instruments of batchers on a meter."""
    costs = [16 * power for power in _POWERS]
    return Batches(
        meter.create_histogram(
            "babelmesh.batch.items", "{item}", "Items of a batch.", explicit_bucket_boundaries_advisory=_POWERS
        ),
        meter.create_histogram(
            "babelmesh.batch.cost", "{unit}", "Cost of a batch.", explicit_bucket_boundaries_advisory=costs
        ),
        meter.create_histogram(
            "babelmesh.batch.queue", "s", "How long an item waited.", explicit_bucket_boundaries_advisory=_SECONDS
        ),
        meter.create_counter("babelmesh.batch.dispatches", "{batch}", "Batches, by why each went when it did."),
        meter.create_counter("babelmesh.batch.halvings", "{batch}", "Batches that failed and were halved."),
        meter.create_counter("babelmesh.batch.sheds", "{item}", "Items refused because the queue was full."),
    )


@dataclass(frozen=True, slots=True)
class Decodings:
    """Of models that decode texts token by token, each joining the others at any token.

    How long texts wait for that, how many join together, and how many are refused is told of them as of batchers.
    """

    rows: Histogram
    joins: Counter  # attribute `reason`: "free" there was room at once | "waited" for room | "again" after a failure
    bytes: Counter  # attribute `direction`: "in" to the device | "out" of it


def decodings(meter: Meter) -> Decodings:
    """Instruments of such models on a meter."""
    return Decodings(
        meter.create_histogram(
            "babelmesh.decode.rows", "{row}", "Rows of a step.", explicit_bucket_boundaries_advisory=_POWERS
        ),
        meter.create_counter("babelmesh.decode.joins", "{text}", "Texts that joined, by whether each had to wait."),
        meter.create_counter("babelmesh.decode.bytes", "By", "What crossed between the host and the device."),
    )


BATCHES = batches(metrics.get_meter("babelmesh"))
DECODINGS = decodings(metrics.get_meter("babelmesh"))
