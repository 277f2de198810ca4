"""Two clients as users copied them from articles: unchanged but for the address, the languages, and the end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from tests.mesh.edge import edge_port
from tests.mesh.mesh import UTTERANCE

pytestmark = [pytest.mark.edges, pytest.mark.timeout(180)]
CASES = Path(__file__).with_name("cases")
TOKEN = {**os.environ, "TOKEN": "any"}


async def test_the_client_for_node_prints_what_is_translated(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node is not installed")
    install = await asyncio.create_subprocess_exec(npm, "install", "--silent", "ws", cwd=tmp_path, stdout=DEVNULL)
    if await install.wait():
        pytest.skip("the package ws cannot be had")
    (tmp_path / "sample-es.pcm").write_bytes(UTTERANCE * 2)
    async with edge_port() as port:
        told = (CASES / "client.mjs").read_text().replace("wss://api.example.com", f"ws://127.0.0.1:{port}")
        told = told.replace("target_lang=en", "target_lang=es").replace("source_lang: 'es'", "source_lang: 'en'")
        (tmp_path / "client.mjs").write_text(told.replace("target_lang: 'en'", "target_lang: 'es'"))
        client = await asyncio.create_subprocess_exec(node, "client.mjs", cwd=tmp_path, stdout=PIPE, env=TOKEN)
        assert client.stdout
        finals: list[str] = []
        while len(finals) < 2:  # it never closes
            line = (await client.stdout.readline()).decode().rpartition("\r")[2].strip()
            finals += [line] if line.startswith("Final:") else []
        client.kill()
        await client.communicate()
    assert all(word.rstrip(".").endswith("-es") for line in finals for word in line.removeprefix("Final:").split())


async def test_the_script_with_curl_prints_a_translation(tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    async with edge_port() as port:
        told = (CASES / "translate.sh").read_text().replace("https://api.example.com", f"http://127.0.0.1:{port}")
        told = told.replace('"target_lang": "en"', '"target_lang": "es"').replace('"de"', '"en"')
        (tmp_path / "translate.sh").write_text(told)
        script = await asyncio.create_subprocess_exec(
            "bash", tmp_path / "translate.sh", stdout=PIPE, stderr=DEVNULL, env=TOKEN
        )
        out, _ = await script.communicate()
    answer = json.loads(out)
    assert answer["translation"].startswith("Good morning")
    assert answer["latency_ms"] > 0
