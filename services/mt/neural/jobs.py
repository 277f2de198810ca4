"""The work items of a decoding loop, and the order in which they are taken."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from opentelemetry.trace import Span, get_current_span

Found: TypeAlias = list[tuple[list[int], float]]  # translations, best first, with their scores


@dataclass(frozen=True, slots=True)
class Text:
    """A text to decode, as ids: source, prompt and limit."""

    source: Sequence[int]
    prompt: Sequence[int]  # what its translation starts with
    limit: int  # most ids behind that
    begins_word: bool = False  # whether the first of those may not go on with a word of the prompt


@dataclass(frozen=True, slots=True)
class Turn:
    """A job's priority: finals go first, then sessions with few texts."""

    final: bool = True
    session: Hashable = None


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A text in the decoding loop. Cancelling its future removes it."""

    text: Text
    turn: Turn = Turn()
    future: Future[Found] = field(default_factory=Future)
    span: Span = field(default_factory=get_current_span)  # that it is asked in
    asked: float = field(default_factory=time.monotonic)  # when


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """A translation to score: how likely other words would have been in it."""

    source: Sequence[int]
    words: Sequence[int]
    picks: Sequence[int]
    wanted: Sequence[int]
    future: Future[Sequence[Sequence[float]]] = field(default_factory=Future)


def next_up(waiting: Iterable[Job], running: Iterable[Job], free: int) -> list[Job]:
    """Return the jobs that join next: finals first, then sessions with the fewest running texts, then first come."""
    have = Counter(job.turn.session for job in running)
    left, chosen = list(waiting), list[Job]()
    while left and len(chosen) < free:
        job = min(left, key=lambda each: (not each.turn.final, have[each.turn.session]))
        left.remove(job)
        chosen.append(job)
        have[job.turn.session] += 1
    return chosen
