"""What the page says of itself in a real browser: what it hears, how late it is, who may use it, and to whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.edge.frames import READY, updates
from bench.measuring.issuer import settings, token
from tests.edges.browser import browser, shown
from tests.edges.pages import lines, ready, recorded, scripted_page, type_in, until_lines, until_status, violations
from tests.mesh.edge import edge
from tests.mesh.mesh import gateway_address, loud, quiet

pytestmark = [pytest.mark.edges, pytest.mark.timeout(180)]
WIDTHS = (375, 768, 1280)


async def test_it_says_that_nothing_is_heard_and_takes_it_back(tmp_path: Path) -> None:
    microphone = recorded(tmp_path / "silent.wav", quiet(9) + loud(20))
    async with scripted_page(microphone) as page:
        await page.click("#speak")
        await until_status(page, "Nothing is heard.")
        assert "right microphone" in await page.inner_text("#hint")
        await until_status(page, "Listening.")
        assert "headphones" in await page.inner_text("#hint")


async def test_a_language_without_a_voice_is_named_and_has_captions() -> None:
    async with scripted_page(mesh={"tts": {"languages": ["es"]}}) as page:
        await page.select_option("#target", "fr")
        assert "French has no voice here" in await page.inner_text("#hint")
        await type_in(page, "good morning")
        await until_lines(page, "target", 1)
        await page.select_option("#target", "es")
        assert await page.inner_text("#hint") == ""


async def test_the_original_of_a_file_is_turned_down_while_the_voice_speaks(tmp_path: Path) -> None:
    clip = recorded(tmp_path / "spoken.wav", loud(2) + quiet(6))
    gains = """
      window.GainNode = class extends GainNode {
        constructor(...told) { super(...told); window.original ??= this; }
      };
    """
    async with scripted_page(script=gains) as page:
        await page.set_input_files("#file", clip)
        await page.wait_for_function("() => window.original && Math.abs(window.original.gain.value - 0.15) < 0.02")
        await page.wait_for_function("() => window.original.gain.value > 0.95", timeout=60_000)


async def mocked(page: Any, *answers: dict[str, Any], then: Callable[[Any], None] | None = None) -> None:
    """Have sessions be answered by these events, instead of a server; `then` is given the socket."""

    def connected(socket: Any) -> None:
        def answer(message: str | bytes) -> None:
            if isinstance(message, str) and json.loads(message)["type"] == "hello":
                for each in (READY, *answers):
                    socket.send(json.dumps(each))
                if then:
                    then(socket)

        socket.on_message(answer)

    await page.route_web_socket("**/v1/realtime", connected)


async def test_it_says_how_far_it_is_behind_and_when_it_is_no_longer(tmp_path: Path) -> None:
    late = {"type": "heartbeat", "audio_received_ms": 1, "lag_ms": 12_400}
    microphone = recorded(tmp_path / "spoken.wav", loud(30))
    async with gateway_address() as gateway, edge(gateway) as servicer, browser(microphone) as chromium:
        address = f"http://127.0.0.1:{servicer.port}/"
        async with shown(chromium, address) as page:
            await mocked(page, late)
            await page.reload()
            await ready(page)
            await page.click("#speak")
            await until_status(page, "Listening, 12 s behind.")
        async with shown(chromium, address) as page:
            await mocked(page, late, {**late, "lag_ms": 400}, {"type": "voice_skipped", "target_lang": "es"})
            await page.reload()
            await ready(page)
            await page.click("#speak")
            await page.wait_for_selector("#hint:has-text('captions are whole')")
            assert await page.inner_text("#status") == "Listening."


async def test_a_reader_may_scroll_back_and_jump_to_live_and_read_calmly() -> None:
    async with scripted_page() as page:
        for number in range(14):
            await type_in(page, f"this is sentence number {number} of quite some")
        await until_lines(page, "target", 14)
        assert await page.is_hidden("#jump")
        await page.evaluate("() => document.getElementById('target-text').scrollTo({top: 0})")
        await page.wait_for_selector("#jump:visible")
        await type_in(page, "and one more")
        await until_lines(page, "target", 15)
        assert await page.evaluate("() => document.getElementById('target-text').scrollTop") == 0
        await page.click("#jump")
        await page.wait_for_selector("#jump", state="hidden")
        await page.click("#calm")
        assert await page.is_hidden("#source-text")
        await page.keyboard.press("Escape")
        assert await page.is_visible("#source-text")


async def test_right_to_left_is_written_from_the_right_and_concluded_text_is_solid() -> None:
    async with scripted_page() as page:
        written = await page.evaluate(
            """async () => {
              const {Column} = await import("/captions.js");
              const column = new Column(document.getElementById("target-text"));
              column.write("1", {text: "Babelmesh قال", stable_length: 9, final: false, lang: "ar"});
              const line = column.lines.get("1");
              const first = [getComputedStyle(line).direction, line.firstChild.textContent, line.lastChild.textContent];
              column.write("1", {text: "Babelmesh قالت", stable_length: 0, final: true, lang: "ar"});
              return [...first, line === column.lines.get("1"), line.lastChild.textContent];
            }"""
        )
    assert written == ["rtl", "Babelmesh", " قال", True, ""]


async def test_a_voice_that_the_microphone_hears_is_noticed() -> None:
    async with scripted_page() as page:
        found = await page.evaluate(
            """async () => {
              const {EchoWatch} = await import("/echo.js");
              const voice = (at) => Math.abs(Math.sin(at * 1.3) * Math.sin(at * 0.37)) * 0.4;
              const other = (at) => Math.abs(Math.cos(at * 0.91) * Math.sin(at * 0.23)) * 0.4;
              const told = (heard) => {
                const watch = new EchoWatch();
                return Array.from({length: 60}, (_, at) => watch.add(voice(at), heard(at))).some(Boolean);
              };
              return [told((at) => voice(at - 2) * 0.2 + 0.001), told(other), told(() => 0.001)];
            }"""
        )
    assert found == [True, False, False]


async def test_a_server_that_asks_for_a_token_is_given_one(tmp_path: Path) -> None:
    async with (
        gateway_address(**settings(tmp_path)) as gateway,
        edge(gateway) as servicer,
        browser() as chromium,
        shown(chromium, f"http://127.0.0.1:{servicer.port}/") as page,
    ):
        await page.wait_for_selector("#token-dialog[open]")
        assert await violations(page) == []
        await page.fill("#token", token("EdDSA", aud="another"))
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#token-fault:has-text('audience')")
        await page.fill("#token", token("EdDSA"))
        await page.keyboard.press("Enter")
        await ready(page)
        await type_in(page, "good morning")
        await until_lines(page, "target", 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_is_accessible_at_three_widths(scheme: str, tmp_path: Path) -> None:
    async with gateway_address() as gateway, edge(gateway) as servicer, browser() as chromium:
        for width in WIDTHS:
            address = f"http://127.0.0.1:{servicer.port}/"
            async with shown(chromium, address, width, color_scheme=scheme) as page:
                await ready(page)
                assert await violations(page) == []
                await page.evaluate("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
                await page.click("#speak")
                await until_lines(page, "source", 1)
                await type_in(page, "good morning")
                await until_lines(page, "target", 1)
                await page.screenshot(path=tmp_path / f"{scheme}-{width}.png")
                assert await violations(page) == []
                assert await page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
                await page.click("#calm")
                assert await violations(page) == []


async def test_a_caption_is_written_in_less_than_a_frame() -> None:
    """Ten updates of each column a second for 25 s, through the socket, the session and the painter of the page."""
    sending: list[asyncio.Task[None]] = []

    async def send(socket: Any) -> None:
        for number in range(250):
            for event in updates(number, rate=10):
                socket.send(json.dumps(event))
            await asyncio.sleep(0.1)

    async with scripted_page() as page, asyncio.TaskGroup() as tasks:
        await mocked(page, then=lambda socket: sending.append(tasks.create_task(send(socket))))
        await page.reload()
        await ready(page)
        await type_in(page, "go")
        await until_lines(page, "target", 5)
        await sending[0]
        times = await page.evaluate("async () => (await import('/captions.js')).frameTimes")
        assert len(await lines(page, "target")) == 5
    middle, worst = (sorted(times)[int(len(times) * share)] for share in (0.5, 0.99))
    assert len(times) > 200
    assert worst <= 16, f"{len(times)} updates, median {middle:.1f} ms, the longest {sorted(times)[-10:]}"
