"""Cuts a failing sequence down to the calls and steps that it takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

from tests.fuzz.sequences import CallSequence

Fails = Callable[[Sequence[CallSequence]], Awaitable[bool]]

MOST_TRIES = 60


async def narrowed(sequences: Sequence[CallSequence], fails: Fails) -> Sequence[CallSequence]:
    """The half of the half of them, and so on, that still fails; all where it takes some of both."""
    while len(sequences) > 1:
        middle = len(sequences) // 2
        for half in (sequences[:middle], sequences[middle:]):
            if await fails(half):
                sequences = half
                break
        else:
            return sequences
    return sequences


async def shrunk(sequence: CallSequence, fails: Fails) -> CallSequence:
    """The smallest that still fails of those that are made by leaving out a call, a run of steps, or a circumstance."""
    tries = 0
    smaller = True
    while smaller and tries < MOST_TRIES:
        smaller = False
        for each in _smaller(sequence):
            tries += 1
            if await fails([each]):
                sequence, smaller = each, True
                break
            if tries >= MOST_TRIES:
                break
    return sequence


def _smaller(sequence: CallSequence) -> Iterator[CallSequence]:
    """Sequences with something left out, those with the most left out first."""
    calls = list(sequence.calls)
    if len(calls) > 1:
        for index in range(len(calls)):
            yield replace(sequence, calls=[*calls[:index], *calls[index + 1 :]])
    for index, call in enumerate(calls):
        bare = replace(call, metadata=(), deadline_ms=0, gzip=False)
        if bare != call:
            yield replace(sequence, calls=[*calls[:index], bare, *calls[index + 1 :]])
        size = len(call.steps)
        while size := size // 2 if size > 1 else 0:
            for start in range(0, len(call.steps), size):
                steps = [*call.steps[:start], *call.steps[start + size :]]
                yield replace(sequence, calls=[*calls[:index], replace(call, steps=steps), *calls[index + 1 :]])
