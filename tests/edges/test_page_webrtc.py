"""The page where it is told to speak by WebRTC."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bench.webrtc.chromium import FLAGS
from tests.edges.browser import browser, shown
from tests.edges.pages import KEYS, ready, recorded, until_lines, until_status, violations
from tests.mesh.edge import edge
from tests.mesh.mesh import gateway_address, loud, quiet

LOOPBACK = {"ice_addresses": ("127.0.0.1",)}
pytestmark = [pytest.mark.edges, pytest.mark.timeout(180)]


async def test_the_page_speaks_by_webrtc_where_that_is_chosen(tmp_path: Path) -> None:
    """Chosen by keyboard; the microphone is a track then, and the voice comes as one."""
    microphone = recorded(tmp_path / "spoken.wav", quiet(4) + (loud(2) + quiet(1.5)) * 4)
    async with (
        gateway_address() as gateway,
        edge(gateway, **LOOPBACK) as servicer,
        browser(microphone, *FLAGS) as chromium,
        shown(chromium, f"http://127.0.0.1:{servicer.port}/") as page,
    ):
        await ready(page)
        await page.focus("#line")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Tab")
        assert await page.evaluate("() => document.activeElement.id") != "line"
        assert await violations(page) == []
        sockets: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket.url))
        await page.click("#speak")
        await until_status(page, "Listening.")
        assert "-es" in (await until_lines(page, "target", 2))[0]
        await page.click("#speak")
        await until_status(page, "Ended.")
        await page.reload()
        await ready(page)
        assert await page.input_value("#line") == "webrtc"
        assert not sockets


async def test_the_page_goes_on_at_another_server_and_says_what_is_lost(tmp_path: Path) -> None:
    microphone = recorded(tmp_path / "spoken.wav", quiet(4) + (loud(2) + quiet(1.5)) * 12)
    async with (
        gateway_address(resume_keys=KEYS) as gateway,
        browser(microphone, *FLAGS) as chromium,
        AsyncExitStack() as first,
    ):
        port = (await first.enter_async_context(edge(gateway, **LOOPBACK))).port
        async with shown(chromium, f"http://127.0.0.1:{port}/") as page:
            await ready(page)
            await page.select_option("#line", "webrtc")
            await page.click("#speak")
            before = len(await until_lines(page, "target", 1))
            await first.aclose()
            await until_status(page, "What you say meanwhile is lost.")
            async with edge(gateway, listen=f"127.0.0.1:{port}", **LOOPBACK):
                await until_status(page, "Listening.")
                await until_lines(page, "target", before + 2)
                await page.click("#speak")
                await until_status(page, "Ended.")
