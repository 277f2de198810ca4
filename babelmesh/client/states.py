"""The states that a server reports: source speaking, stream held, stages degraded, targets ended. Pure.

Each change is reported once, and what has started ends, over however many servers the session is served by.
"""

from __future__ import annotations

from collections.abc import Sequence

from babelmesh.client.events import (
    DEGRADED_REASON_OVERLOAD,
    DEGRADED_REASON_UNAVAILABLE,
    SPEECH_EVENT_TYPE_SOURCE_ENDED,
    SPEECH_EVENT_TYPE_SOURCE_STARTED,
    Ack,
    Degraded,
    End,
    Event,
    Flow,
    Gap,
    SpeechEvent,
)

MOST_GAPS = 256  # remembered: a server that takes over tells again of a few seconds at most
_STATES = (DEGRADED_REASON_UNAVAILABLE, DEGRADED_REASON_OVERLOAD)  # the other reasons tell of one segment
_SOURCE = (SPEECH_EVENT_TYPE_SOURCE_STARTED, SPEECH_EVENT_TYPE_SOURCE_ENDED)


class States:
    """The states of one session as its reader knows them."""

    def __init__(self, heartbeats: bool) -> None:
        self._heartbeats = heartbeats  # whether the reader asked for them
        self._source = SpeechEvent(type=SPEECH_EVENT_TYPE_SOURCE_ENDED, offset_ms=-1)
        self._flow = Flow()  # what holds: whether the stream is held, the stages degraded, the gaps told
        self._acknowledged_ms = 0
        self._ended: set[str] = set()

    @property
    def complete(self) -> bool:
        """Whether the session's `end` has come."""
        return "" in self._ended

    def take(self, event: Event) -> Sequence[Event]:
        """Record an event, and return what of it is new to the reader."""
        match event:
            case SpeechEvent() if event.type in _SOURCE:
                return self._turned(event)
            case Ack():
                news = event.finalized_offset_ms >= self._acknowledged_ms
                self._acknowledged_ms = max(self._acknowledged_ms, event.finalized_offset_ms)
                return [event] if news else []
            case Flow():
                return self._flows(event)
        return [event]

    def ended(self, end: End) -> Sequence[Event]:
        """Record the end of a target or the session; return it unless it came before."""
        news = end.target_lang not in self._ended
        self._ended.add(end.target_lang)
        return [end] if news else []

    def wanted(self, langs: Sequence[str]) -> None:
        """Record that targets were requested, some perhaps again."""
        self._ended -= set(langs)

    def goes_on(self, lang: str) -> None:
        """Record news of a target: it was requested again before it had ended, and will end once more."""
        self._ended.discard(lang)

    def resumed(self) -> Sequence[Event]:
        """Return the events that reset a lost server's states: held streams and degraded stages."""
        over = [_over(less) for less in self._flow.degraded]
        news = [Flow(degraded=over)] if over or self._flow.held else []
        del self._flow.degraded[:]
        self._flow.held = False
        return news

    def _turned(self, event: SpeechEvent) -> Sequence[Event]:
        if event.type == self._source.type or event.offset_ms < self._source.offset_ms:
            return []
        self._source = event
        return [event]

    def _flows(self, flow: Flow) -> Sequence[Event]:
        """Return the flow without gaps reported before; one with just a backlog left serves as a heartbeat."""
        gaps = [gap for gap in flow.gaps if gap not in self._flow.gaps]
        self._flow.gaps.extend(gaps)
        del self._flow.gaps[:-MOST_GAPS]
        for less in flow.degraded:
            self._degraded(less)
        if len(gaps) < len(flow.gaps):
            flow = _with_gaps(flow, gaps)
        news = bool(gaps or flow.degraded) or flow.held != self._flow.held or self._heartbeats
        self._flow.held = flow.held if not (gaps or flow.degraded) else self._flow.held
        return [flow] if news else []

    def _degraded(self, less: Degraded) -> None:
        if less.text or less.reason not in _STATES:
            return  # one clause or segment, not a state
        held = [each for each in self._flow.degraded if not _same(each, less)]
        del self._flow.degraded[:]
        self._flow.degraded.extend(held if less.over else [*held, less])


def _same(one: Degraded, other: Degraded) -> bool:
    return (one.stage, one.target_lang, one.reason) == (other.stage, other.target_lang, other.reason)


def _over(less: Degraded) -> Degraded:
    return Degraded(stage=less.stage, target_lang=less.target_lang, reason=less.reason, over=True)


def _with_gaps(flow: Flow, gaps: Sequence[Gap]) -> Flow:
    rest = Flow()
    rest.CopyFrom(flow)
    del rest.gaps[:]
    rest.gaps.extend(gaps)
    return rest
