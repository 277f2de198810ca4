"""Reads a file's sound in a child process, so that no file can end the client.

Where that process ends early, another one continues behind the packet that ended it, which is recorded as a damaged
place.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

from babelmesh.client.decoding.findings import Findings
from babelmesh.client.decoding.wire import Form, Kind, Look, Place, Wish, records
from babelmesh.client.errors import AudioUnreadable

DECODER = (sys.executable, "-P", "-m", "babelmesh.client.decoding")
MOST_RESTARTS = 20


def looked_into(path: str, track: int | None, decoder: Sequence[str] = DECODER) -> Look:
    """Probe a file. Raises AudioUnreadable when it is missing, yields no audio, or lacks the track."""
    if find_spec("av") is None or find_spec("numpy") is None:
        raise AudioUnreadable("Reading files needs an extra: pip install 'babelmesh[files]'.")
    with _Process(Wish(path, track), decoder).running() as process:
        for kind, payload in process.records():
            match kind:
                case Kind.LOOK:
                    return Look.loaded(payload)
                case Kind.REFUSAL:
                    raise AudioUnreadable(payload.decode(errors="surrogateescape"))
    return Look(1, track or 0, 0)  # the look ended its process: reading may come further


class Decoded:
    """An iterator over the blocks of a file's sound; `findings` holds the faults found so far.

    Raises AudioUnreadable where nothing of it can be read. `close` may be called from any thread.
    """

    def __init__(self, path: str, track: int, form: Form, decoder: Sequence[str] = DECODER) -> None:
        self.findings = Findings()
        self._wish = Wish(path, track, form)
        self._decoder = decoder
        self._process: _Process | None = None
        self._closed = False
        self._blocks = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._blocks)

    def close(self) -> None:
        """End the child process, if it still runs: no block follows."""
        self._closed = True
        if self._process is not None:
            self._process.kill()

    def _read(self) -> Iterator[bytes]:
        earlier = Findings()
        sounded = False
        for _ in range(MOST_RESTARTS + 1):
            place = self._wish.place
            self._process = _Process(self._wish, self._decoder)
            with self._process.running() as process:
                for kind, payload in process.records():
                    match kind:
                        case Kind.SOUND:
                            sounded = True
                            yield payload
                        case Kind.PLACE:
                            place = Place.unpacked(payload)
                        case Kind.FINDINGS:
                            self.findings = _sum(earlier, Findings.loaded(payload))
                        case Kind.REFUSAL if not sounded:
                            raise AudioUnreadable(payload.decode(errors="surrogateescape"))
                        case Kind.END | Kind.REFUSAL:
                            return
            if self._closed:
                return
            self._go_on_behind(place)
            earlier = _sum(self.findings, Findings())
        if not sounded:
            raise AudioUnreadable(f"{self._wish.path} cannot be read as audio: the decoder ended.")

    def _go_on_behind(self, place: Place) -> None:
        """Record the damaged place, and continue behind its packet, or with the next part where no packet came."""
        assert self._wish.form is not None
        self.findings.damage(place.samples * 1000 / self._wish.form.rate)
        if place == self._wish.place:
            behind = Place(place.part + 1)
        else:
            behind = Place(place.part, place.packet + 1, place.samples)
        self._wish = replace(self._wish, place=behind)


class _Process:
    """The child process that reads for one wish."""

    def __init__(self, wish: Wish, decoder: Sequence[str]) -> None:
        # Ctrl-C at the terminal is for the client, which ends this when it has left its files.
        self._child = subprocess.Popen(
            (*decoder, wish.dumped()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )

    @contextmanager
    def running(self) -> Iterator[_Process]:
        """Yield this process for the block, and end it afterwards."""
        try:
            yield self
        finally:
            self.kill()
            self._child.wait()
            if self._child.stdout:
                self._child.stdout.close()

    def records(self) -> Iterator[tuple[Kind, bytes]]:
        """Yield the records that the process writes."""
        assert self._child.stdout is not None
        return records(self._child.stdout)

    def kill(self) -> None:
        """Kill the process at once."""
        self._child.kill()


def _sum(one: Findings, other: Findings) -> Findings:
    both = replace(one)
    both.add(other)
    return both
