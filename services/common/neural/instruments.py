"""Metrics of work that several sessions share: batches and decoding loops. Never any text."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.metrics import Counter, Histogram

from services.common.telemetry import metrics


@dataclass(frozen=True, slots=True)
class Batches:
    """Metrics of batchers. Each has the attribute `batcher`, its name."""

    items: Histogram
    cost: Histogram
    queue_seconds: Histogram
    dispatches: Counter  # attribute `reason`: one of `services.common.neural.queueing.Reason`
    halvings: Counter
    sheds: Counter


@dataclass(frozen=True, slots=True)
class Decodings:
    """Metrics of models that decode texts token by token, joined by new texts at any token.

    How long texts wait for that, how many join together, and how many are refused is told of them as of batchers.
    """

    rows: Histogram
    joins: Counter  # attribute `reason`: "free" there was room at once | "waited" for room | "again" after a failure
    bytes: Counter  # attribute `direction`: "in" to the device | "out" of it


BATCHES = Batches(
    items=metrics.histogram("babelmesh.batch.items"),
    cost=metrics.histogram("babelmesh.batch.cost"),
    queue_seconds=metrics.histogram("babelmesh.batch.queue"),
    dispatches=metrics.counter("babelmesh.batch.dispatches"),
    halvings=metrics.counter("babelmesh.batch.halvings"),
    sheds=metrics.counter("babelmesh.batch.sheds"),
)
DECODINGS = Decodings(
    rows=metrics.histogram("babelmesh.decode.rows"),
    joins=metrics.counter("babelmesh.decode.joins"),
    bytes=metrics.counter("babelmesh.decode.bytes"),
)
