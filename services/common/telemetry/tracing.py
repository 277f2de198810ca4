"""Traces, and how they cross from process to process. Without a provider (see `exporting.py`) the API's no-ops run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext

tracer = trace.get_tracer("babelmesh")

_CALLER = context.create_key("babelmesh-caller")

Metadata = tuple[tuple[str, str], ...]


def shared_span(name: str, members: Iterable[Span], attributes: Mapping[str, int | str]) -> Span:
    """Begin the span of work for several callers: in a trace of its own, linked with each caller's span both ways."""
    members = list(members)
    links = [Link(each.get_span_context()) for each in members if each.get_span_context().is_valid]
    span = tracer.start_span(name, Context(), links=links, attributes=attributes)
    for each in members:
        if each.is_recording() and span.get_span_context().is_valid:
            each.add_link(span.get_span_context())
    return span


def outgoing(trace_context: Context | None = None) -> Metadata:
    """Return the gRPC metadata that carries a context, the current one by default, to the next process."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace_context)
    return tuple(carrier.items())


def incoming(metadata: Iterable[tuple[str, str | bytes]] | None, strangers: bool = False) -> Context:
    """Return the context that came with a call. That of strangers is only linked to: see `caller_links`."""
    fields = _fields()
    found = _extracted(tuple((key, value) for key, value in metadata or () if key in fields and isinstance(value, str)))
    return (
        context.set_value(_CALLER, trace.get_current_span(found).get_span_context(), Context()) if strangers else found
    )


@cache
def _fields() -> frozenset[str]:
    return frozenset(propagate.get_global_textmap().fields)


@lru_cache(maxsize=256)
def _extracted(carrier: Metadata) -> Context:
    """Return the context that metadata carries. The calls of one segment carry the same: it is read once."""
    return propagate.extract(dict(carrier))


def caller_links() -> list[Link]:
    """Return the link to the span of a stranger who makes the current call, if it came with one."""
    caller = context.get_value(_CALLER)
    return [Link(caller)] if isinstance(caller, SpanContext) and caller.is_valid else []
