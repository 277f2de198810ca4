"""The module that pages take, in Node: what it sends again and what it tells when connections are cut."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.mesh.edge import edge
from tests.mesh.mesh import UTTERANCE, gateway_address
from tests.mesh.test_edge_doors import MARKER

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
        numbers = [each["segment_id"] for each in events if each["type"] == kind]
        assert sorted(numbers) == [1, 2, 3, 4]  # the typed one may be final before the one that is spoken beside it
    spoken = [each for each in events if each["type"] == "tts_audio"]
    offsets = [each["offset_ms"] for each in spoken]
    assert offsets == sorted(set(offsets))  # speech has no hole and no repeat, on the voice's own clock
    for one_chunk, next_chunk in itertools.pairwise(spoken):
        behind = one_chunk["offset_ms"] + one_chunk["data"] / 48
        assert abs(next_chunk["offset_ms"] - behind) <= 1


POISONED = """
import {Session} from "%(module)s";
const session = new Session(process.argv[2], {source_lang: "en", targets: [{lang: "es"}], input: null});
session.on("left_out", (event) => console.log(JSON.stringify(event)));
session.on("final_asr", (event) => console.log(JSON.stringify(event)));
await session.ready;
session.sendText("poison");
await session.end();
process.exit(0);
"""


async def test_text_that_ended_two_servers_is_left_out_by_name(tmp_path: Path) -> None:
    if NODE is None:
        pytest.skip("Node is not installed")
    (tmp_path / "client.mjs").write_text(POISONED % {"module": ROOT / "services/edge/page/babelmesh.js"})
    hellos: list[dict[str, Any]] = []
    sent: list[list[str]] = []

    async def server(socket: ServerConnection) -> None:
        """A server that ends as soon as it is sent the text: each time another one."""
        hellos.append(json.loads(await socket.recv()))
        session = {"targets": [{"lang": "es"}]}
        ready = {"type": "ready", "session_id": "s", "session": session, "server": f"server {len(hellos)}"}
        await socket.send(json.dumps({**ready, "resume_handle": "h", "limits": {}}))
        sent.append([])
        async for message in socket:
            told = json.loads(message)
            sent[-1].append(told["type"])
            if told["type"] == "input_text":
                return socket.transport.abort()
            if told.get("action") == "end":
                await socket.send(json.dumps({"type": "end_of_session"}))
        return None

    async with serve(server, "127.0.0.1", 0, subprotocols=[MARKER]) as serving:
        port = next(iter(serving.sockets)).getsockname()[1]
        url = f"ws://127.0.0.1:{port}"
        arguments: list[str | Path] = ["--experimental-websocket", "--no-warnings", tmp_path / "client.mjs", url]
        client = await asyncio.create_subprocess_exec(NODE, *arguments, stdout=PIPE)
        out, _ = await client.communicate()
    assert json.loads(out) == {"type": "left_out", "kind": "text", "text": "poison"}
    assert [each.get("deaths") for each in hellos] == [None, 1, 2]
    assert hellos[2]["lost_server"] == "server 2"
    assert sent == [["input_text"], ["input_text"], ["control"]]
