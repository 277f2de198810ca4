"""A headless Chromium with a microphone that hears a recording, and a mesh of scripted engines before an edge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.webrtc.chromium import CHROMIUM, launched


@asynccontextmanager
async def browser(microphone: Path | None = None, *more: str) -> AsyncIterator[Any]:
    """A browser, with more arguments if need be. Skips the test where it cannot be had."""
    pytest.importorskip("playwright.async_api")
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")
    async with launched(microphone, *more) as chromium:
        yield chromium


@asynccontextmanager
async def shown(
    chromium: Any, url: str, width: int = 1280, height: int = 800, script: str = "", **context_options: Any
) -> AsyncIterator[Any]:
    """A page at an address, where a script ran first. Fails at its end where it logged an error, also of a policy."""
    context = await chromium.new_context(viewport={"width": width, "height": height}, **context_options)
    page = await context.new_page()
    if script:
        await page.add_init_script(script)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.goto(url)
    yield page
    await context.close()
    expected = ("WebSocket", "ERR_CONNECTION", "404", "401", "403")  # a server that is away, or asks for a token
    assert not [each for each in errors if not any(part in each for part in expected)]
