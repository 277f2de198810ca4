"""The page and its client in a real browser, on scripted engines: what is shown, and what survives a lost server."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.edges.browser import browser, shown
from tests.mesh.edge import edge
from tests.mesh.mesh import RATE, gateway_address, loud, quiet
from tests.snippets import blocks

pytestmark = [pytest.mark.edges, pytest.mark.timeout(180)]
WIDTHS = (375, 768, 1280)
KEYS = f"a:{'s' * 32}"
AXE = importlib.util.find_spec("axe_core_python")


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """Three utterances as the scripted recognizer hears them, with room before the first."""
    path = tmp_path / "spoken.wav"
    with wave.open(str(path), "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(RATE)
        writing.writeframes(quiet(2) + (loud(2) + quiet(1.5)) * 3)
    return path


async def ready(page: Any) -> None:
    await page.wait_for_selector("#speak:enabled")


async def lines(page: Any, column: str) -> list[str]:
    found: list[str] = await page.eval_on_selector_all(f"#{column}-text p", "all => all.map(each => each.textContent)")
    return found


async def until_lines(page: Any, column: str, count: int) -> list[str]:
    await page.wait_for_selector(f"#{column}-text p:nth-child({count})", timeout=60_000)
    return await lines(page, column)


async def test_the_microphone_is_heard_and_its_level_shown(microphone: Path) -> None:
    async with gateway_address() as gateway, edge(gateway) as servicer, browser(microphone) as chromium:
        address = f"http://127.0.0.1:{servicer.port}/"
        async with shown(chromium, address) as page:
            await ready(page)
            await page.click("#speak")
            await until_lines(page, "target", 1)
            assert await page.inner_text("#status") == "Listening."


async def test_a_file_becomes_captions_and_a_lost_server_loses_no_word(microphone: Path) -> None:
    """The edge is stopped in the middle and another one takes its port; the page goes on where it was."""
    async with gateway_address(resume_keys=KEYS) as gateway, browser() as chromium, AsyncExitStack() as first:
        servicer = await first.enter_async_context(edge(gateway))
        port = servicer.port
        async with shown(chromium, f"http://127.0.0.1:{port}/") as page:
            await ready(page)
            await page.select_option("#target", "fr")
            await page.set_input_files("#file", microphone)
            await until_lines(page, "target", 1)
            await first.aclose()
            async with edge(gateway, listen=f"127.0.0.1:{port}"):
                await until_lines(page, "source", 3)
                await page.wait_for_selector("#status:has-text('Ready.')", timeout=60_000)
                spoken, said = await lines(page, "source"), await lines(page, "target")
                state = await page.eval_on_selector("#spoken-log", "each => each.childElementCount")
    assert len(spoken) == len(said) == 3
    assert [f"{len(each.split())}" for each in said] == [f"{len(each.split())}" for each in spoken]
    assert all("-fr" in each for each in said)
    assert state == 3


@asynccontextmanager
async def typing_page(width: int = 1280) -> AsyncIterator[Any]:
    """The page before a mesh, without a microphone."""
    async with gateway_address() as gateway, edge(gateway) as servicer, browser() as chromium:
        address = f"http://127.0.0.1:{servicer.port}/"
        async with shown(chromium, address, width) as page:
            await ready(page)
            yield page


async def test_the_page_says_what_goes_wrong_and_works_by_keyboard_alone() -> None:
    async with typing_page(375) as page:
        await page.focus("#typed")
        await page.keyboard.type("good morning")
        await page.keyboard.press("Enter")
        await until_lines(page, "target", 1)
        assert await page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        await page.select_option("#target", "fr")
        await page.focus("#typed")
        await page.keyboard.type("and good night")
        await page.keyboard.press("Enter")
        said = await until_lines(page, "target", 2)
        async with page.expect_download() as download:
            await page.click("[data-export=json]")
        kept = json.loads(await asyncio.to_thread(Path(await (await download.value).path()).read_text))
    assert "-fr" in said[1]
    assert [each["source"]["text"] for each in kept] == ["good morning", "and good night"]


@pytest.mark.skipif(AXE is None, reason="axe-core-python is not installed")
async def test_the_page_is_accessible_at_three_widths(tmp_path: Path) -> None:
    assert AXE
    assert AXE.origin
    script = next(Path(AXE.origin).parent.rglob("axe.min.js")).read_text()
    async with gateway_address() as gateway, edge(gateway) as servicer, browser() as chromium:
        for width in WIDTHS:
            async with shown(chromium, f"http://127.0.0.1:{servicer.port}/", width) as page:
                await ready(page)
                await page.fill("#typed", "good morning")
                await page.press("#typed", "Enter")
                await until_lines(page, "target", 1)
                report = await page.evaluate(script + "\naxe.run()")
                await page.screenshot(path=tmp_path / f"{width}.png")
                assert [(each["id"], len(each["nodes"])) for each in report["violations"]] == []


async def test_a_caption_is_written_in_less_than_a_frame() -> None:
    """Ten updates a second for a while, as a fast recognizer makes them."""
    async with typing_page() as page:
        times = await page.evaluate(
            """async () => {
              const {Column, Painter, frameTimes} = await import("/captions.js");
              const column = new Column(document.getElementById("target-text"));
              const painter = new Painter();
              const words = Array.from({length: 60}, (_, at) => `word${at}`);
              for (let at = 0; at < 200; at += 1) {
                const text = words.slice(0, 1 + (at % 60)).join(" ");
                painter.put(column, Math.floor(at / 60), {text, stable_length: text.length >> 1, final: false});
                await new Promise((resolve) => setTimeout(resolve, 100));
              }
              return frameTimes.toSorted((one, other) => one - other);
            }"""
        )
    assert len(times) > 100
    assert times[int(len(times) * 0.99)] <= 16


async def test_the_example_of_the_readme_runs_in_a_browser() -> None:
    (block,) = [each for each in blocks() if each.language == "html" and each.place.startswith("README")]
    async with gateway_address() as gateway, edge(gateway) as servicer, browser() as chromium:
        text = block.text.replace("127.0.0.1:7780", f"127.0.0.1:{servicer.port}")
        async with shown(chromium, f"http://127.0.0.1:{servicer.port}/healthz") as page:
            await page.set_content(text)
            await page.wait_for_selector("body:has-text('-es')", timeout=30_000)
