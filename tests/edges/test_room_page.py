"""The page of a room in a real browser, on scripted engines: joined by its link, read shown in a hall."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edges.browser import browser, shown
from tests.edges.pages import recorded
from tests.mesh.edge import edge_port
from tests.mesh.mesh import loud, quiet

pytestmark = [pytest.mark.edges, pytest.mark.timeout(180)]


async def test_one_speaks_another_reads_and_a_hall_is_shown(tmp_path: Path) -> None:
    microphone = recorded(tmp_path / "spoken.wav", quiet(2) + (loud(2) + quiet(1.5)) * 40)
    async with edge_port() as port, browser(microphone) as chromium:
        url = f"http://127.0.0.1:{port}/room"
        async with (
            shown(chromium, f"{url}?speak=en-US&lang=#hall") as speaks,
            shown(chromium, f"{url}?lang=es#hall", 390, 800) as reads,
            shown(chromium, f"{url}?lang=fr&view=hall#hall") as hall,
        ):
            await reads.wait_for_selector("#join:not([disabled])")
            await reads.click("#join")
            await speaks.wait_for_selector("#join:not([disabled])")
            await speaks.fill("#name", "Ann")
            await speaks.click("#join")
            await speaks.wait_for_selector("#status[data-state=open]")
            await speaks.click("#speak")
            await reads.wait_for_selector("#log p:nth-child(2)", state="attached", timeout=60_000)
            await hall.wait_for_selector("#log p:nth-child(2)", state="attached", timeout=60_000)
            spanish = await reads.inner_text("#lines")
            assert "-es" in spanish
            assert await reads.get_attribute("#lines p", "data-name") == "Ann"
            assert "-fr" in await hall.inner_text("#lines")
            assert await reads.evaluate("document.getElementById('qr').naturalWidth") > 100
            for name, page in (("speaks", speaks), ("reads", reads), ("hall", hall)):
                await page.screenshot(path=tmp_path / f"{name}.png")
            await reads.select_option("#now", "fr")
            await reads.wait_for_selector("#lines p[lang=fr]", timeout=60_000)
