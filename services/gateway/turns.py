"""When the speaker speaks, as several recognizers in turn say it. Pure."""

from __future__ import annotations

from services.gateway.terms import SourceEvent


class Turns:
    """Every start is followed by one end: what a later recognizer says again is left out, what an earlier one did not
    live to say is made up for.
    """

    def __init__(self) -> None:
        self._speaking = False
        self._sure = True  # the recognizer of now has said so itself
        self._ended_samples: int | None = None  # the end of the speech, where only the final has told of it
        self._since_samples = 0  # where the recognizer of now began

    def heard(self, event: SourceEvent) -> list[SourceEvent]:
        """The recognizer says so."""
        self._sure, self._ended_samples = True, None
        if event.started == self._speaking:
            return []
        self._speaking = event.started
        return [event]

    def finalized(self, end_samples: int, finalized_samples: int) -> None:
        """A final came. When silence was heard behind its speech, the speech is over, and that will be said next."""
        if self._speaking and end_samples < finalized_samples:
            self._ended_samples = end_samples

    def progressed(self, finalized_samples: int) -> list[SourceEvent]:
        """The recognizer has got so far: without a word of speech, there is none."""
        over = self._speaking and not self._sure and finalized_samples > self._since_samples
        return self.ended(self._since_samples) if over else []

    def moved(self, start_samples: int) -> list[SourceEvent]:
        """Another recognizer goes on from an offset."""
        told = [] if self._ended_samples is None else self.ended(self._ended_samples)
        self._sure, self._since_samples = not self._speaking, start_samples
        return told

    def ended(self, offset_samples: int) -> list[SourceEvent]:
        """The speech is over, if there is any."""
        return self.heard(SourceEvent(False, offset_samples))
