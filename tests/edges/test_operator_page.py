"""The page of those who run the mesh, in a real browser: what it shows live, and to whom."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.issuer import settings, token
from tests.edges.browser import browser, shown
from tests.edges.pages import violations
from tests.mesh.edge import connect, edge, hello, say, typed, until
from tests.mesh.mesh import gateway_address

pytestmark = [pytest.mark.edges, pytest.mark.timeout(180)]
WIDTHS = (375, 768, 1280)


@asynccontextmanager
async def operated(**mesh: Any) -> AsyncIterator[tuple[int, Any]]:
    """The port of an edge that shows operators its mesh, and a browser."""
    async with (
        gateway_address(**mesh) as gateway,
        edge(gateway, gateway_operations=gateway.operators) as servicer,
        browser() as chromium,
    ):
        yield servicer.port, chromium


async def test_sessions_and_stages_are_shown_live_and_the_page_is_accessible(tmp_path: Path) -> None:
    async with operated() as (port, chromium), connect(port) as socket:
        await say(socket, hello("es"), typed("good morning"))
        await until(socket, "final_translation")
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                address = f"http://127.0.0.1:{port}/operator"
                async with shown(chromium, address, width, color_scheme=scheme) as page:
                    await page.wait_for_selector("#status:has-text('Live.')")
                    await page.wait_for_selector("#pairs tr")
                    assert await page.inner_text("#sessions") == "1"
                    assert await violations(page) == []
                    assert await page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
                    await page.screenshot(path=tmp_path / f"{scheme}-{width}.png", full_page=True)
        async with shown(chromium, f"http://127.0.0.1:{port}/operator") as page:
            await page.wait_for_selector("#sessions:has-text('1')")
            await socket.close()
            await page.wait_for_selector("#sessions:has-text('0')")
            states = await page.eval_on_selector_all("#replicas .state", "all => all.map(each => each.textContent)")
            names = await page.eval_on_selector_all("#replicas th", "all => all.map(each => each.textContent)")
    assert set(states) == {"serving"}
    assert [each.split()[0] for each in names] == ["Gateway", "ASR", "MT", "TTS"]


async def test_a_token_with_the_scope_is_asked_for_where_tokens_are_on(tmp_path: Path) -> None:
    async with (
        operated(**settings(tmp_path)) as (port, chromium),
        shown(chromium, f"http://127.0.0.1:{port}/operator") as page,
    ):
        for told, fault in ((token("EdDSA"), "operate"), (token("EdDSA", scope="operate"), "")):
            await page.wait_for_selector("#token-dialog[open]")
            assert await violations(page) == []
            await page.keyboard.type(told)
            await page.keyboard.press("Enter")
            if fault:
                await page.wait_for_selector(f"#token-fault:has-text('{fault}')")
        await page.wait_for_selector("#status:has-text('Live.')")
