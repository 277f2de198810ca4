"""What strangers send to the edge is in none of its logs, spans and metrics, at any level."""

from __future__ import annotations

import io
import logging

from services.common.telemetry.logs import EventFormatter
from tests.mesh.edge import control, edge_port, hello, talk, typed
from tests.mesh.test_edge_rest import call

TOKEN, WORD = "tok-73d1f0c2", "quokkawallaby"


async def test_texts_and_tokens_are_in_no_log() -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(EventFormatter("edge"))
    root = logging.getLogger()
    before = root.level
    clients = logging.getLogger("websockets")  # the test's own, in this process
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    clients.setLevel(logging.WARNING)
    try:
        async with edge_port() as port:
            header = {"Authorization": f"Bearer {TOKEN}"}
            await talk(port, hello("es"), typed(WORD), {"type": WORD}, additional_headers=header)
            await talk(port, hello("es", tts_voice=WORD), control("end"), additional_headers=header)
            asked = {"source_lang": "en", "target_lang": "es", "text": WORD}
            await call(port, "/v1/translate", asked, Authorization=f"Bearer {TOKEN}")
            await call(port, f"/{WORD}", None, Authorization=f"Basic {TOKEN}")
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        clients.setLevel(logging.NOTSET)
    lines = written.getvalue()
    assert "serving http" in lines
    assert not [line for line in lines.splitlines() if TOKEN in line or WORD in line]
