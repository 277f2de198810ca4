"""What README and documentation show in Python runs as it is printed."""

from __future__ import annotations

import asyncio
import sys
import wave
from pathlib import Path

import pytest

from tests.mesh.mesh import UTTERANCE, gateway_address
from tests.snippets import Block, blocks


@pytest.mark.parametrize("block", [each for each in blocks() if each.language == "python"], ids=lambda each: each.place)
async def test_a_program_shown_translates_a_recording(block: Block, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "talk.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(UTTERANCE)
    program = tmp_path / "program.py"
    async with gateway_address() as address:
        program.write_text(block.text.replace("localhost:7700", address))
        child = await asyncio.create_subprocess_exec(
            sys.executable, program, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await child.communicate()
    assert child.returncode == 0, err.decode()
    assert {line.split()[0] for line in out.decode().splitlines()} == {"es", "pt"}
