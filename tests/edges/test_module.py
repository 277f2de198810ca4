"""The module that pages take, in Node: what it sends again and what it tells when connections are cut."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.mesh.edge import edge
from tests.mesh.mesh import UTTERANCE, gateway_address

pytestmark = [pytest.mark.edges, pytest.mark.timeout(120)]
ROOT = Path(__file__).resolve().parents[2]
NODE = shutil.which("node")
KEYS = f"a:{'s' * 32}"
CLIENT = """
import {readFileSync} from "node:fs";
import {Session} from "%(module)s";
const pcm = readFileSync(process.argv[2]);
const session = new Session(process.argv.slice(3), {source_lang: "en", targets: [{lang: "es"}]});
const events = [];
session.on("*", (event) => events.push({...event, data: event.data?.length}));
await session.ready;
console.error("ready");
for (let at = 0; at < pcm.length; at += 3200) {
  await session.sendAudio(pcm.subarray(at, at + 3200));
  await new Promise((resolve) => setTimeout(resolve, 40));
  if (at === 32 * 3200) session.sendText("typed between");
}
await session.end();
console.log(JSON.stringify(events));
process.exit(0);
"""


async def test_a_session_goes_on_over_another_edge_and_nothing_comes_twice(tmp_path: Path) -> None:
    if NODE is None:
        pytest.skip("Node is not installed")
    (tmp_path / "spoken.pcm").write_bytes(UTTERANCE * 3)
    script = CLIENT % {"module": ROOT / "services/edge/page/babelmesh.js"}
    (tmp_path / "client.mjs").write_text(script)
    async with gateway_address(resume_keys=KEYS) as gateway, edge(gateway) as other, AsyncExitStack() as first:
        one = await first.enter_async_context(edge(gateway))
        urls = [f"ws://127.0.0.1:{each.port}/v1/realtime" for each in (one, other)]
        arguments: list[str | Path] = [
            "--experimental-websocket",
            "--no-warnings",
            tmp_path / "client.mjs",
            tmp_path / "spoken.pcm",
        ]
        client = await asyncio.create_subprocess_exec(NODE, *arguments, *urls, stdout=PIPE, stderr=PIPE)
        assert client.stderr
        assert await client.stderr.readline() == b"ready\n"
        await asyncio.sleep(1)
        await first.aclose()
        out, _ = await client.communicate()
    events = json.loads(out)
    states = [each["state"] for each in events if each["type"] == "connection"]
    assert states == ["open", "lost", "resumed"]
    for kind in ("final_asr", "final_translation"):
        assert [each["segment_id"] for each in events if each["type"] == kind] == [1, 2, 3, 4]
    spoken = [each for each in events if each["type"] == "tts_audio"]
    offsets = [each["offset_ms"] for each in spoken]
    assert offsets == sorted(set(offsets))  # speech has no hole and no repeat, on the voice's own clock
    for one_chunk, next_chunk in itertools.pairwise(spoken):
        behind = one_chunk["offset_ms"] + one_chunk["data"] / 48
        assert abs(next_chunk["offset_ms"] - behind) <= 1
