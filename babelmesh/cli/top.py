"""Draws a running mesh on one screen, once a second: gateways, stages, and translation latencies."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from babelmesh.cli.overview import Gateway, Replica, Spread, pairs_of, replicas_of, state_of

STAGES = ("ASR", "MT", "TTS")
COLORS = {"serving": "green", "starting": "cyan", "draining": "yellow", "stuck": "red", "lost": "red", "gone": "red"}
BACK_SECONDS = 10.0  # for which it is told that a gateway came back
LONGEST_BAR, ROOM_OF_BAR = 24, 62  # columns: of a bar, and of all beside it
NARROW = 56  # columns, below which only the first of what is measured fits


@dataclass(frozen=True, slots=True)
class Size:
    """A terminal's size, with the characters that bars are drawn of: full and empty."""

    width: int
    height: int = 0  # 0: as high as need be
    marks: str = "█░"

    @property
    def bar(self) -> int:
        """Columns of a bar; 0 where there is no room for one."""
        room = min(LONGEST_BAR, self.width - ROOM_OF_BAR)
        return room if room >= 5 else 0


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    state: str
    used: int = 0
    total: int = 0
    queue_seconds: float | None = None
    fill: float | None = None
    note: str = ""


def picture(gateways: Sequence[Gateway], size: Size) -> RenderableType:
    """Return the whole screen, no higher than the terminal: where there is no room, a stage becomes one row."""
    own = list(_gateway_rows(gateways))
    stages = {stage: replicas_of(gateways, stage) for stage in STAGES}
    rows = [row for stage in STAGES for row in _each(stage, stages[stage])]
    pairs, notes = _pairs(gateways, size), list(_notes(gateways))
    parts = 4 + len(own) + pairs.row_count + len(notes)  # with headings, and the row of the cursor
    if size.height and parts + len(rows) > size.height:
        rows = [_summed(stage, stages[stage]) for stage in STAGES if stages[stage]]
    head = _head(gateways, own)
    if size.height:
        head.append("  q ends", style="dim not bold")
    return Group(head, _replicas([*own, *rows], size), *([pairs] if pairs.row_count else []), *notes)


def _head(gateways: Sequence[Gateway], own: Sequence[_Row]) -> Text:
    sessions, places = sum(row.used for row in own), sum(row.total for row in own)
    there = sum(gateway.told is not None for gateway in gateways)
    text = Text("babelmesh top", style="bold", no_wrap=True, overflow="crop")
    text.append(f"  {sessions} of {places} sessions", style="not bold")
    if len(gateways) > 1 or not there:
        text.append(f"  {there} of {len(gateways)} gateways answer", style="not bold" if there else "red")
    return text


def _gateway_rows(gateways: Sequence[Gateway]) -> Iterator[_Row]:
    for gateway in gateways:
        if gateway.told is None:
            yield _Row(gateway.address, "gone" if gateway.trouble else "asked")
        elif len(gateways) > 1 or len(gateway.told.gateways) == 1:
            yield _row(gateway.address, gateway.told.gateway)
        else:
            yield from (_row(f"gateway {peer.number}", peer) for peer in gateway.told.gateways)


def _row(name: str, replica: Replica) -> _Row:
    note = f"{replica.turned_away} turned away" if replica.turned_away else ""
    return _Row(name, state_of(replica), replica.slots_used, replica.slots_total, note=note)


def _each(stage: str, replicas: Sequence[Replica]) -> Iterator[_Row]:
    for each in replicas:
        row = (f"{stage} {each.number}", state_of(each), each.slots_used, each.slots_total)
        yield _Row(*row, each.queue_seconds, each.fill, _tiers([each])) if each.state else _Row(*row)


def _summed(stage: str, replicas: Sequence[Replica]) -> _Row:
    states = [state_of(each) for each in replicas]
    serving = states.count("serving")
    used, total = sum(each.slots_used for each in replicas), sum(each.slots_total for each in replicas)
    state = "serving" if serving == len(states) else f"{serving}/{len(states)} serve"
    queue_seconds = max(each.queue_seconds for each in replicas)
    fill = sum(each.fill for each in replicas) / max(1, serving)
    return _Row(f"{stage} x{len(states)}", state, used, total, queue_seconds, fill, _tiers(replicas))


def _tiers(replicas: Sequence[Replica]) -> str:
    """Return the number of sessions on each tier, the largest first; empty for replicas without tiers."""
    sessions: Counter[str] = Counter()
    for tier in (tier for each in replicas for tier in reversed(each.tiers)):
        sessions[tier.name] += tier.sessions
    return ", ".join(f"{count} on {name}" for name, count in sessions.items())


def _replicas(rows: Sequence[_Row], size: Size) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True, overflow="ellipsis")
    table.add_column("state", no_wrap=True)
    if size.bar:
        table.add_column("in use", no_wrap=True, width=size.bar)
    table.add_column("" if size.bar else "in use", justify="right", no_wrap=True)
    table.add_column("queue", justify="right", no_wrap=True)
    table.add_column("fill", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, style="yellow")
    for row in rows:
        slots = f"{row.used}/{row.total}" if row.total else ""
        queue = "" if row.queue_seconds is None else f"{row.queue_seconds:.2f} s"
        fill = "" if row.fill is None else f"{row.fill:.0%}"
        state = Text(row.state, style=COLORS.get(row.state, "yellow"))
        bar = [_bar(row, size)] if size.bar else []
        table.add_row(row.name, state, *bar, slots, queue, fill, row.note)
    return table


def _bar(row: _Row, size: Size) -> Text:
    if not row.total:
        return Text()
    share = min(1.0, row.used / row.total)
    full = round(share * size.bar) or bool(row.used)
    style = "red" if share >= 1 else "yellow" if share >= 0.75 else "green"
    return Text.assemble((size.marks[0] * full, style), (size.marks[1] * (size.bar - full), "dim"))


def _pairs(gateways: Sequence[Gateway], size: Size) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("last minute", no_wrap=True)
    headings = ["segments", "lag", "p95", *(("first audio", "p95") if size.width >= NARROW else ())]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for pair in pairs_of(gateways):
        lag = pair.lag if pair.HasField("lag") else None
        first_audio = pair.first_audio if pair.HasField("first_audio") else None
        cells = [str(pair.segments), *_seconds(lag), *_seconds(first_audio)]
        table.add_row(f"{pair.source_lang} > {pair.target_lang}", *cells[: len(headings)])
    return table


def _seconds(spread: Spread | None) -> tuple[str, str]:
    return (f"{spread.p50_ms / 1000:.1f} s", f"{spread.p95_ms / 1000:.1f} s") if spread else ("", "")


def _notes(gateways: Sequence[Gateway]) -> Iterator[Text]:
    """Yield a warning line, in yellow, for each gateway that is lost or back, and for degradations."""
    for gateway in gateways:
        seconds = time.monotonic() - gateway.since
        if gateway.trouble:
            gone = "does not answer" if not gateway.was_gone else f"gone for {seconds:.0f} s"
            yield _note(f"{gateway.address} {gone}: {gateway.trouble}")
        elif gateway.was_gone and seconds < BACK_SECONDS:
            yield _note(f"{gateway.address} is back")
    if degradations := sum(gateway.told.degradations for gateway in gateways if gateway.told):
        yield _note(f"{degradations} times in the last minute a session had to do without a stage")


def _note(text: str) -> Text:
    return Text(text, style="yellow", no_wrap=True, overflow="ellipsis")
