"""Has a mesh of scripted engines mask a name, and ends with status 1 where it does not; run by `names.sh`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import babelmesh
from babelmesh.local import supervisor

TEXT = "My name is Maria Lopez and I met John Smith yesterday."
SCRIPTED = {"ASR_ENGINE": "scripted", "MT_ENGINE": "scripted", "TTS_ENGINE": "scripted", "ASR_VAD": "energy"}


async def masked() -> str:
    """Return the translation of a text with names."""
    ports = supervisor.free_ports()
    config = babelmesh.SessionConfig(mask_pii=True, masking=babelmesh.Masking(pii_kinds=["name"]))
    async with (
        supervisor.running(supervisor.mesh_services(ports), Path("logs")),
        babelmesh.connect(f"127.0.0.1:{ports.gateway}") as client,
    ):
        translated = await client.translate_text(TEXT, "en", "es", config=config)
    return translated["es"]


if __name__ == "__main__":
    os.environ.update(SCRIPTED)
    shown = asyncio.run(masked())
    sys.stdout.write(f"{shown}\n")
    sys.exit(shown.count("[name]") != 2 or "Lopez" in shown or "Smith" in shown)
