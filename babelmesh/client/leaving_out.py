"""Reports input that is left out because servers ended over it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from babelmesh.client.events import GAP_REASON_QUARANTINED, Error, Event, Flow, Gap
from babelmesh.client.replay import Entry, ReplayLog

INPUT_QUARANTINED = "INPUT_QUARANTINED"
_MOST_SHOWN = 60  # code points of a text that is left out

_FIELDS = {"text": "text.text", "set_dictionary": "control.glossary", "set_target_lang": "control.targets"}


def left_out(entries: Sequence[Entry], log: ReplayLog) -> list[Event]:
    """Return events that name the input left out: audio by its offsets, text by its beginning, the rest by its
    field.
    """
    gaps: list[Gap] = []
    for entry in entries:
        if entry.kind == "audio":
            from_ms, to_ms = log.stretch_ms(entry)
            if gaps and gaps[-1].to_ms == from_ms:
                gaps[-1].to_ms = to_ms
            else:
                gaps.append(Gap(from_ms=from_ms, to_ms=to_ms, reason=GAP_REASON_QUARANTINED))
    errors = [_error(entry) for entry in entries if entry.kind != "audio"]
    return [*([Flow(gaps=gaps)] if gaps else []), *errors]


def _error(entry: Entry) -> Error:
    message = "Two servers ended while they worked on this, so it was left out."
    if entry.kind == "text" and entry.message is not None:
        text = entry.message.text.text
        shown = text[:_MOST_SHOWN] + ("…" if len(text) > _MOST_SHOWN else "")
        message = f"Two servers ended while they worked on this text, so it was left out: {shown!r}"
    return Error(code=INPUT_QUARANTINED, message=message, field=_FIELDS.get(entry.kind, ""))
