"""What tests of the page need: recordings for its microphone, and what it shows."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.webrtc.chromium import written
from tests.edges.browser import browser, shown
from tests.mesh.edge import edge
from tests.mesh.mesh import RATE, gateway_address

KEYS = f"a:{'s' * 32}"


def recorded(path: Path, pcm: bytes) -> Path:
    """A file of samples, as the browser's microphone takes it."""
    return written(path, pcm, RATE)


async def ready(page: Any) -> None:
    await page.wait_for_selector("#speak:enabled")


async def lines(page: Any, column: str) -> list[str]:
    found: list[str] = await page.eval_on_selector_all(f"#{column}-text p", "all => all.map(each => each.textContent)")
    return found


async def until_lines(page: Any, column: str, count: int) -> list[str]:
    await page.wait_for_selector(f"#{column}-text p:nth-child({count})", timeout=60_000)
    return await lines(page, column)


async def until_status(page: Any, text: str, seconds: float = 60) -> None:
    await page.wait_for_selector(f"#status:has-text('{text}')", timeout=seconds * 1000)


async def type_in(page: Any, text: str) -> None:
    await page.focus("#typed")
    await page.keyboard.type(text)
    await page.keyboard.press("Enter")


async def violations(page: Any) -> list[tuple[str, list[str]]]:
    """What axe finds wrong with a page as it is shown now. Skips the test without axe."""
    found = importlib.util.find_spec("axe_core_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core-python is not installed")
    script = next(Path(found.origin).parent.rglob("axe.min.js")).read_text()
    report = await page.evaluate(script + "\naxe.run()")
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in report["violations"]]


@asynccontextmanager
async def scripted_page(
    microphone: Path | None = None, mesh: dict[str, Any] | None = None, **context: Any
) -> AsyncIterator[Any]:
    """The page before a scripted mesh, with a microphone that hears a recording."""
    async with (
        gateway_address(**(mesh or {})) as gateway,
        edge(gateway) as servicer,
        browser(microphone) as chromium,
        shown(chromium, f"http://127.0.0.1:{servicer.port}/", **context) as page,
    ):
        await ready(page)
        yield page
