"""The faults of a run, whom each struck, and how long they stood still.

**Recovery** is told for each session that had a stream or a call in the hands of the process when it was killed, and
for no other: from the instant of the kill to the first message the session's reader got that cannot have been under
way before it. That is the echo of a ping sent at the kill (it comes when all before it has been recognized,
translated and spoken), or a result about speech that had not been sent by then. Nothing is taken off.

Whose calls a replica of a stage held is in the books of `bench.chaos.engines`; which gateway a session was on, in its
`ready` (`bench.chaos.fleet.GATEWAY_MARK`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench.chaos.fleet import GATEWAY_MARK, Fleet
from bench.chaos.ledger import Line, read

FILE = "faults.jsonl"


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that struck: when, under which label the sessions were asked, and which process."""

    t: float
    label: str
    target: str
    pid: int
    affected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of one session after one fault; no seconds: it never recovered."""

    label: str
    session: str
    seconds: float | None


@dataclass(slots=True)
class FaultBook:
    """The faults of a run, in order."""

    fleet: Fleet
    faults: list[Struck] = field(default_factory=list)

    def kill(self, name: str) -> str:
        """Kills a member; the label to ask the sessions with."""
        kept = self.fleet[name]
        pid = kept.pid
        return self.struck(name, pid, kept.kill())

    def struck(self, name: str, pid: int, instant: float) -> str:
        """Notes a fault that was made elsewhere."""
        self.faults.append(Struck(instant, f"{name}.{len(self.faults) + 1}", name, pid))
        return self.faults[-1].label

    def close(self, ledgers: Mapping[str, Sequence[Line]], folder: Path) -> list[Struck]:
        """Finds out whom each fault struck, and writes it beside the ledgers."""
        found = [replace(each, affected=tuple(self._affected(each, ledgers))) for each in self.faults]
        lines = [json.dumps(asdict(each)) for each in found]
        (folder / FILE).write_text("\n".join(lines) + "\n")
        return found

    def _affected(self, fault: Struck, ledgers: Mapping[str, Sequence[Line]]) -> Iterator[str]:
        service, number = fault.target.rsplit("-", 1)
        if service == "gateway":
            mark = GATEWAY_MARK + int(number)
            yield from (name for name, lines in ledgers.items() if _gateway_at(lines, fault.t) == mark)
            return
        speakers = open_calls(self.fleet.book(fault.target), fault)
        yield from (name for name, lines in ledgers.items() if lines[0]["speaker"] in speakers)


def open_calls(book: Path, fault: Struck) -> set[int]:
    """The speakers whose calls the process held at that instant."""
    held: dict[int, int] = {}
    for line in read(book) if book.exists() else ():
        if line["pid"] != fault.pid or line["t"] > fault.t:
            continue
        if line["speaker"] is None:
            held.pop(line["call"], None)
        else:
            held[line["call"]] = line["speaker"]
    return set(held.values())


def recoveries(ledgers: Mapping[str, Sequence[Line]], faults: Sequence[Struck]) -> list[Recovery]:
    """Of each affected session after each fault."""
    return [Recovery(fault.label, name, _seconds(ledgers[name], fault)) for fault in faults for name in fault.affected]


def _seconds(lines: Sequence[Line], fault: Struck) -> float | None:
    sent = (line for line in lines if line["kind"] == "audio" and line["t"] <= fault.t)
    sent_ms = max((line["offset_ms"] + line["ms"] for line in sent), default=0)
    for line in lines:
        if line["t"] > fault.t and not line.get("dropped") and _is_progress(line, fault.label, sent_ms):
            return float(line["t"] - fault.t)
    return None


def _is_progress(line: Line, label: str, sent_ms: int) -> bool:
    match line["kind"]:
        case "marker":
            return bool(line["marker"] == label)
        case "asr" | "translation":
            return bool(line["end_ms"] > sent_ms)
        case "end":
            return not line["target_lang"]
    return False


def _gateway_at(lines: Sequence[Line], instant: float) -> int | None:
    """Which gateway a session was on; None before it was open and after it had ended."""
    mark = None
    for line in lines:
        if line["t"] > instant:
            break
        if line["kind"] == "ready":
            mark = line["limits"]["max_term_length"]
        elif line["kind"] in ("over", "failed") or (line["kind"] == "end" and not line["target_lang"]):
            mark = None
    return mark
