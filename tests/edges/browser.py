"""A headless Chromium with a microphone that hears a recording, and a mesh of scripted engines before an edge."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")


@asynccontextmanager
async def browser(microphone: Path | None = None) -> AsyncIterator[Any]:
    """A browser. Skips the test where it cannot be had."""
    playwright: Any = pytest.importorskip("playwright.async_api")
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")
    heard = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
    arguments = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", *heard]
    async with playwright.async_playwright() as running:
        chromium = await running.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield chromium
        finally:
            await chromium.close()


@asynccontextmanager
async def shown(chromium: Any, url: str, width: int = 1280, height: int = 800) -> AsyncIterator[Any]:
    """A page at an address. Fails at its end where it logged an error, a policy's among them."""
    context = await chromium.new_context(viewport={"width": width, "height": height})
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.goto(url)
    yield page
    await context.close()
    expected = ("WebSocket", "ERR_CONNECTION", "404")  # a server that is away, and a page without an icon
    assert not [each for each in errors if not any(part in each for part in expected)]
