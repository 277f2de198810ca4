"""What is counted and measured, with OpenTelemetry's API: no-ops unless a meter provider is set. Never any text."""

from __future__ import annotations

from opentelemetry import metrics

meter = metrics.get_meter("babelmesh")

_POWERS = [float(1 << power) for power in range(11)]
_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]

# Of batchers. Attribute `batcher`: its name. `reason`: one of `queueing.Reason`.
BATCH_ITEMS = meter.create_histogram(
    "babelmesh.batch.items", "{item}", "Items of a batch.", explicit_bucket_boundaries_advisory=_POWERS
)
BATCH_COST = meter.create_histogram(
    "babelmesh.batch.cost",
    "{unit}",
    "Cost of a batch, in its batcher's unit.",
    explicit_bucket_boundaries_advisory=[16 * power for power in _POWERS],
)
BATCH_QUEUE_SECONDS = meter.create_histogram(
    "babelmesh.batch.queue", "s", "How long an item waited.", explicit_bucket_boundaries_advisory=_SECONDS
)
BATCH_DISPATCHES = meter.create_counter("babelmesh.batch.dispatches", "{batch}", "Batches, by why each went then.")
BATCH_HALVINGS = meter.create_counter("babelmesh.batch.halvings", "{batch}", "Batches that failed and were halved.")
BATCH_SHEDS = meter.create_counter("babelmesh.batch.sheds", "{item}", "Items refused because the queue was full.")
