"""The page in a real browser, on scripted engines: what is shown and kept, and what survives a lost server."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from babelmesh.cli.self_signed import kept, names
from tests.edges.browser import browser, shown
from tests.edges.pages import KEYS, lines, ready, recorded, scripted_page, type_in, until_lines, until_status
from tests.mesh.edge import edge
from tests.mesh.mesh import gateway_address, loud, quiet
from tests.snippets import blocks

pytestmark = [pytest.mark.edges, pytest.mark.timeout(180)]


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """Three utterances as the scripted recognizer hears them, with room before the first."""
    return recorded(tmp_path / "spoken.wav", quiet(2) + (loud(2) + quiet(1.5)) * 3)


async def test_the_microphone_is_heard_and_the_language_changed_while_it_is(microphone: Path) -> None:
    async with scripted_page(microphone) as page:
        await page.click("#speak")
        await until_status(page, "Listening.")
        await page.wait_for_selector("#spoken-log p", state="attached")  # the first one is final
        await page.select_option("#target", "fr")
        await until_lines(page, "target", 3)
        await page.click("#speak")
        await until_status(page, "Ended.")
        spoken, said = await lines(page, "source"), await lines(page, "target")
    assert len(spoken) == len(said) == 3
    assert "-es" in said[0]
    assert "-fr" in said[2]


async def test_a_phone_is_heard_over_https_by_the_machines_own_certificate(microphone: Path, tmp_path: Path) -> None:
    pair = kept(tmp_path, names("127.0.0.1"))
    https: dict[str, Any] = {"tls_certificate": pair.certificate, "tls_key": pair.key}
    phone: dict[str, Any] = {
        "ignore_https_errors": True,
        "is_mobile": True,
        "has_touch": True,
    }
    async with (
        gateway_address() as gateway,
        edge(gateway, **https) as servicer,
        browser(microphone) as chromium,
        shown(chromium, f"https://127.0.0.1:{servicer.port}/", 375, **phone) as page,
    ):
        await ready(page)
        await page.tap("#speak")
        await until_status(page, "Listening.")
        assert len(await until_lines(page, "target", 2)) == 2


async def test_another_pace_begins_at_a_pause_and_no_word_is_lost(microphone: Path) -> None:
    async with scripted_page() as page:
        await page.set_input_files("#file", microphone)
        await until_lines(page, "source", 1)
        await page.select_option("#pace", "fast")  # in the middle of the first utterance
        await until_status(page, "Ended.")
        spoken = await lines(page, "source")
    assert len(spoken) == 3  # none was cut in two
    assert all(len(each.split()) in (6, 7) for each in spoken)  # of 2 s, at 300 ms a word


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
            await until_status(page, "Connection lost")
            async with edge(gateway, listen=f"127.0.0.1:{port}"):
                await until_lines(page, "source", 3)
                await until_status(page, "Ended.")
                spoken, said = await lines(page, "source"), await lines(page, "target")
                read = await page.eval_on_selector("#spoken-log", "each => each.childElementCount")
                accounts = await page.eval_on_selector("#ledger", "each => each.childElementCount")
    assert len(spoken) == len(said) == read == accounts == 3
    assert [len(each.split()) for each in said] == [len(each.split()) for each in spoken]
    assert all("-fr" in each for each in said)


async def exported(page: Any, form: str) -> str:
    async with page.expect_download() as download:
        await page.click(f"[data-export={form}]")
    path = Path(await (await download.value).path())
    return await asyncio.to_thread(path.read_text)


async def test_the_page_works_by_keyboard_alone_and_keeps_a_transcript_in_four_forms() -> None:
    async with scripted_page(width=375) as page:
        await type_in(page, "good morning")
        await until_lines(page, "target", 1)
        assert await page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        await page.select_option("#target", "fr")
        await type_in(page, "and <good> --> night")
        await page.wait_for_selector("#target-text p:nth-child(2):has-text('night-fr')")
        await page.wait_for_selector("#kept-count:has-text('2 segments')")
        assert json.loads(await exported(page, "json"))[0]["source"]["text"] == "good morning"
        assert (await exported(page, "txt")).startswith("good-es morning-es\nand-fr")  # in the language chosen by then
        await page.select_option("#kept-text", "both")
        srt, vtt = await exported(page, "srt"), await exported(page, "vtt")
        cues = await page.evaluate(
            """async (text) => {
              const video = document.createElement("video");
              const track = Object.assign(document.createElement("track"), {kind: "captions"});
              track.src = URL.createObjectURL(new Blob([text], {type: "text/vtt"}));
              video.append(track);
              track.track.mode = "hidden";
              await new Promise((resolve, reject) => Object.assign(track, {onload: resolve, onerror: reject}));
              return [...track.track.cues].map((each) => each.getCueAsHTML().textContent);
            }""",
            vtt,
        )
    assert srt.splitlines()[2:4] == ["good morning", "good-es morning-es"]
    assert srt.count("-->") == 2
    assert cues[0] == "good morning\ngood-es morning-es"
    assert cues[1].splitlines()[0] == "and <good> --> night"


async def test_terms_are_used_at_once_and_a_line_that_is_none_is_named() -> None:
    async with scripted_page() as page:
        await page.click("summary:has-text('Glossary')")
        await page.fill("#glossary", "voicemail = buzón\nnonsense")
        await page.click("#use-glossary")
        assert "nonsense" in await page.inner_text("#glossary-fault")
        await type_in(page, "my voicemail")
        await page.wait_for_selector("#target-text p:has-text('buzón')")
        await page.fill("#glossary", "voicemail = contestador")
        await page.click("#use-glossary")
        await type_in(page, "your voicemail")
        await page.wait_for_selector("#target-text p:has-text('contestador')")


async def test_choices_are_remembered() -> None:
    async with scripted_page() as page:
        await page.select_option("#target", "fr")
        await page.select_option("#voice", "-")
        await page.select_option("#pace", "fast")
        await page.click("#larger")
        await page.reload()
        await ready(page)
        chosen = [await page.input_value(each) for each in ("#source", "#target", "#voice", "#pace")]
        assert chosen == ["en", "fr", "-", "fast"]
        assert await page.get_attribute("body", "data-size") == "large"


async def test_the_example_of_the_readme_runs_in_a_browser() -> None:
    (block,) = [each for each in blocks() if each.language == "html" and each.place.startswith("README")]
    async with gateway_address() as gateway, edge(gateway) as servicer, browser() as chromium:
        text = block.text.replace("127.0.0.1:7780", f"127.0.0.1:{servicer.port}")
        async with shown(chromium, f"http://127.0.0.1:{servicer.port}/healthz") as page:
            await page.set_content(text)
            await page.wait_for_selector("body:has-text('-es')", timeout=30_000)
