"""One call's way into the archive: what is concluded waits here, bounded, until it is written. No call waits for it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from services.common.audio.pcm import ASR_RATE
from services.common.telemetry import metrics
from services.gateway.archive.hidden import Hider
from services.gateway.archive.sealing import Sealer
from services.gateway.values.continuation import Continuation
from services.gateway.values.speech import Audio, Transcript, milliseconds

MOST_RECORDS = 2000  # that wait for one call
MOST_BYTES = 4 * 1024 * 1024
JOINED = 64  # writes that lie apart in a store of objects, until one object holds them
JOINED_BYTES = 1024 * 1024
_RECORDS = metrics.counter("babelmesh.archive.records")


@dataclass(slots=True)
class Progress:
    """How far the writing of a part has got."""

    offset: int = 0  # bytes that are in the store
    kept: int = 0  # records that are
    lost: int = 0  # records that never will be
    closed: bool = False  # nothing more comes
    over: bool = False  # nothing more is written: all is, or the part was deleted
    failing_since: float | None = None  # on the loop's clock; None: the last write went well


@dataclass(frozen=True, slots=True)
class Keeps:
    """What is kept of a call beside its texts as its people see them."""

    audio: bool = False
    hider: Hider | None = None  # masks the texts first, where people see them as they were said
    joins: bool = False  # whether what is written lies apart until it is joined


@dataclass(frozen=True, slots=True)
class Batch:
    """Sealed records, to be appended at an offset."""

    offset: int
    sealed: bytes
    records: int
    last: bool  # whether they end the part


class Recorder:
    """Takes down what a call concludes. Without a part it takes down nothing."""

    def __init__(
        self, part: str = "", key: bytes = b"", keeps: Keeps = Keeps(), wake: Callable[[int], None] = lambda _: None
    ) -> None:
        """`wake` is called with the bytes that wait."""
        self.part = part
        self.hears = keeps.audio  # whether source audio is kept
        self.progress = Progress(over=not part)
        self._sealer = Sealer(key, part) if part else None
        self._wake = wake
        self._waiting = _Waiting(keeps.hider, keeps.joins)

    @property
    def hides(self) -> bool:
        """Whether texts are masked before they are kept."""
        return self._waiting.hider is not None

    def began(self, about: dict[str, object]) -> None:
        """Take down what the call is about."""
        self._add({"kind": "session", **about})

    def transcript(self, said: Transcript, default_lang: str) -> None:
        """Take down a final transcript."""
        if said.language_tentative or not said.text:
            return
        lang, hider = said.language or default_lang, self._waiting.hider
        hide = partial(hider.transcript, said, lang) if hider else None
        self._add({"kind": "source", **_of(said), "lang": lang, "text": said.text}, hide=hide)

    def translation(self, said: Transcript, lang: str, text: str) -> None:
        """Take down a final translation."""
        if text:
            hide = partial(self._waiting.hider.translation, said, lang, text) if self._waiting.hider else None
            self._add({"kind": "translation", **_of(said), "lang": lang, "text": text}, hide=hide)

    def audio(self, said: Audio) -> None:
        """Take down source audio. To be called only where that is kept, as `hears` tells."""
        about = {"kind": "audio", "offset_ms": milliseconds(said.offset_samples), "sample_rate": ASR_RATE}
        self._add(about, said.pcm.astype("<i2").tobytes())

    def resumed(self, goes_on: Continuation, default_lang: str) -> None:
        """Take down what the client of a resumed session has: the call before may have ended before it was written."""
        texts = {said.segment_id: said for said in goes_on.transcripts}
        for said in goes_on.transcripts:
            self.transcript(said, default_lang)
        for lang, target in goes_on.targets.items():
            for number, has in target.segments.items():
                if has.final and number in texts:
                    self.translation(texts[number], lang, has.text)

    def close(self) -> None:
        """End the part, once all that waits is written."""
        self.progress.closed = True
        if not self.progress.over:
            self._wake(0)

    def drop(self) -> None:
        """Forget what waits, and write nothing more: the part was deleted."""
        self.progress.over = True
        self._waiting = _Waiting()

    def hide(self) -> None:
        """Mask the texts that wait, where they are to be: in a thread, as it may take a while."""
        for record in list(self._waiting.records):
            record.hide()

    def batch(self) -> Batch:
        """What to append to the part. It is the same one until `wrote` or `give_up`: a record is sealed once."""
        if self._waiting.taken is None:
            assert self._sealer
            records = self._waiting.take()
            last = self.progress.closed and not self._waiting.records
            sealed = [self._sealer.seal(record) for record in records]
            if last:
                told = {"kind": "end", "records": self.progress.kept + len(records), "lost": self.progress.lost}
                sealed.append(self._sealer.seal(json.dumps(told).encode() + b"\n", last=True))
            self._waiting.taken = Batch(self.progress.offset, b"".join(sealed), len(records), last)
        return self._waiting.taken

    def wrote(self) -> None:
        """Note that the batch is in the store."""
        batch = self.batch()
        self._waiting.taken = None
        if self._waiting.joins:
            self._waiting.apart.append((batch.offset, batch.sealed))
        self.progress.offset += len(batch.sealed)
        self.progress.kept += batch.records
        self.progress.over |= batch.last
        self.progress.failing_since = None
        _RECORDS.add(batch.records, {"outcome": "kept"})

    def joinable(self) -> list[tuple[int, bytes]]:
        """Take what was written apart and is to be joined now, by offset: where it is much, or all has been written."""
        apart = self._waiting.apart
        much = len(apart) >= JOINED or sum(len(sealed) for _, sealed in apart) >= JOINED_BYTES
        if not (much or self.progress.over):
            return []
        self._waiting.apart = []
        return apart if len(apart) > 1 else []

    def give_up(self) -> None:
        """Write nothing more, and count what waits as lost."""
        self.lose(self.waiting)
        self.drop()

    def lose(self, records: int) -> None:
        """Note that records will never be in the store."""
        self.progress.lost += records
        _RECORDS.add(records, {"outcome": "lost"})

    @property
    def due(self) -> bool:
        """Whether there is something to write."""
        return not self.progress.over and bool(self.waiting or self.progress.closed)

    @property
    def waiting(self) -> int:
        """How many records are not in the store yet."""
        taken = self._waiting.taken
        return len(self._waiting.records) + (taken.records if taken else 0)

    def _add(self, about: dict[str, object], payload: bytes = b"", hide: Callable[[], str] | None = None) -> None:
        if self.progress.over or self.progress.closed:
            return
        record = _Record(about, payload, hide)
        if self._waiting.full(record.size):
            self.lose(1)
        else:
            self._waiting.add(record)
            self._wake(self._waiting.bytes)


class _Record:
    """A record that waits; `text_of` makes its text, where that is to be masked."""

    def __init__(self, about: dict[str, object], payload: bytes, text_of: Callable[[], str] | None) -> None:
        self._about = about
        self._payload = payload
        self._text_of = text_of
        self.size = len(self.bytes)

    @property
    def bytes(self) -> bytes:
        """The record as it is sealed."""
        return json.dumps(self._about, ensure_ascii=False).encode() + b"\n" + self._payload

    @property
    def ready(self) -> bool:
        """Whether its text is as it may be kept."""
        return self._text_of is None

    def hide(self) -> None:
        """Mask its text, where that is to be."""
        if self._text_of is not None:
            self._about["text"] = self._text_of()
            self._text_of = None


class _Waiting:
    """Records that wait, their size, and what is not joined yet."""

    def __init__(self, hider: Hider | None = None, joins: bool = False) -> None:
        self.hider = hider
        self.joins = joins
        self.apart: list[tuple[int, bytes]] = []  # sealed writes by offset, in the store already and to be joined
        self.records: deque[_Record] = deque()
        self.bytes = 0
        self.taken: Batch | None = None  # sealed already, and on its way to the store

    def full(self, more: int) -> bool:
        return len(self.records) >= MOST_RECORDS or self.bytes + more > MOST_BYTES

    def add(self, record: _Record) -> None:
        self.records.append(record)
        self.bytes += record.size

    def take(self) -> list[bytes]:
        """Take the records that may be kept as they are, up to the first that may not."""
        taken = list[bytes]()
        while self.records and self.records[0].ready:
            record = self.records.popleft()
            self.bytes -= record.size
            taken.append(record.bytes)
        return taken


NOTHING = Recorder()  # of a call that is not archived
MISSED = Recorder()  # of one that was to be


def _of(said: Transcript) -> dict[str, object]:
    return {
        "segment_id": said.segment_id,
        "start_ms": milliseconds(said.start_samples),
        "end_ms": milliseconds(said.end_samples),
        "typed": said.typed,
    }
