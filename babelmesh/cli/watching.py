"""Runs `babelmesh top`: watches a mesh until the user ends it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import termios
import tty
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from rich.console import Console
from rich.live import Live

from babelmesh import console
from babelmesh.cli.overview import Gateway, as_object, follow
from babelmesh.cli.top import Size, picture
from babelmesh.client.dialling import Tls, dialling
from babelmesh.client.errors import UNREACHABLE, SessionFailed

REDRAW_SECONDS = 1.0  # at the latest: how long a gateway is gone is told by the second
FIRST_SECONDS = 5.0  # for the first answer, where one is all that is wanted


async def top(addresses: Sequence[str], once: bool, as_events: bool, tls: Tls | None = None) -> None:
    """Show what the gateways report: live on a terminal; else, or with `once`, a single time; or as lines of JSON.

    Raises AddressUnusable, and SessionFailed when one answer is wanted and none comes.
    """
    dial = dialling(addresses, tls)
    gateways = [Gateway(address, dial) for address in addresses]
    if as_events and not once:
        await _lines(gateways)
    elif console.out.is_terminal and not once:
        await _live(gateways)
    else:
        await _look(gateways)
        if as_events:
            _print(gateways)
        else:
            console.show(picture(gateways, _size(console.out, whole=True)))


async def _live(gateways: Sequence[Gateway]) -> None:
    ended = asyncio.Event()
    with Live(console=console.out, screen=True, auto_refresh=False) as live, _keys("qQ", ended.set):
        async with _followed(gateways, also=ended) as changed:
            while not ended.is_set():
                live.update(console.Shown(picture(gateways, _size(console.out))), refresh=True)
                await _wait(changed, REDRAW_SECONDS)


async def _lines(gateways: Sequence[Gateway]) -> None:
    async with _followed(gateways) as changed:
        await _answered(gateways, changed)
        while True:
            _print(gateways)
            await asyncio.sleep(REDRAW_SECONDS)


def _print(gateways: Sequence[Gateway]) -> None:
    for gateway in gateways:
        told = as_object(gateway.told) if gateway.told else None
        line = {"server": gateway.address, "trouble": gateway.trouble, "overview": told}
        console.line(json.dumps(line, ensure_ascii=False))


async def _look(gateways: Sequence[Gateway]) -> None:
    """Wait for a first message of each gateway. Raises SessionFailed when none sends one."""
    async with _followed(gateways) as changed:
        await _answered(gateways, changed)
    if not any(gateway.told for gateway in gateways):
        troubles = " ".join(gateway.trouble for gateway in gateways)
        raise SessionFailed(UNREACHABLE, troubles or f"No gateway answers within {FIRST_SECONDS:g} s.")


@asynccontextmanager
async def _followed(gateways: Sequence[Gateway], also: asyncio.Event | None = None) -> AsyncIterator[asyncio.Event]:
    """Watch the gateways inside the block; the event is set with each message."""
    changed = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        following = [tasks.create_task(follow(gateway, changed.set)) for gateway in gateways]
        if also:
            following.append(tasks.create_task(_pass_on(also, changed)))
        try:
            yield changed
        finally:
            for each in following:
                each.cancel()


async def _pass_on(event: asyncio.Event, to: asyncio.Event) -> None:
    await event.wait()
    to.set()


async def _answered(gateways: Sequence[Gateway], changed: asyncio.Event) -> None:
    """Wait until each gateway has answered or failed to, for at most FIRST_SECONDS."""
    try:
        async with asyncio.timeout(FIRST_SECONDS):
            while not all(gateway.known for gateway in gateways):
                await changed.wait()
                changed.clear()
    except TimeoutError:
        pass  # those that did answer are shown


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass  # nothing new
    event.clear()


def _size(terminal: Console, whole: bool = False) -> Size:
    marks = "█░" if terminal.encoding.lower().startswith("utf") else "#."
    return Size(terminal.width, 0 if whole else terminal.height, marks)


@contextmanager
def _keys(of: str, pressed: Callable[[], None]) -> Iterator[None]:
    """Call `pressed` when one of these keys is pressed; inside the block typed keys are not echoed."""
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def read() -> None:
        if set(os.read(descriptor, 64).decode(errors="replace")) & set(of):
            pressed()

    tty.setcbreak(descriptor)
    asyncio.get_running_loop().add_reader(descriptor, read)
    try:
        yield
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
