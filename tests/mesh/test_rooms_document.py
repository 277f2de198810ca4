"""The document of rooms says what is sent and taken: events are held against it."""

from __future__ import annotations

import json

from services.edge import app
from services.edge.rooms.inputs import FIELDS
from tests.mesh.edge import edge_port
from tests.mesh.mesh import RATE, UTTERANCE
from tests.mesh.rooms import guest, speaker
from tests.mesh.test_edge_documents import faults, references, resolved

ROOMS = json.loads(app.DOCUMENTS["/asyncapi-rooms.json"].read_text())
MESSAGES = ROOMS["components"]["messages"]


def test_a_client_may_send_what_the_document_says_and_nothing_else() -> None:
    assert [resolved(ROOMS, each) for each in references(ROOMS)]
    told = [each["$ref"].rpartition("/")[2] for each in ROOMS["operations"]["fromClient"]["messages"]]
    assert set(told) == FIELDS.keys()
    for name, fields in FIELDS.items():
        assert set(fields) == MESSAGES[name]["payload"]["properties"].keys() - {"type"}, name


async def test_every_event_is_as_the_document_says() -> None:
    pcm = {"format": "pcm16le", "sample_rate": RATE}
    async with (
        edge_port({"rooms_max_langs": 1}) as port,
        guest(port, lang="es", voice=True, original=True) as listener,
        speaker(port, input=pcm, role="moderator") as ann,
        guest(port, lang="fr") as second,
    ):
        await ann.send("set_terms", terms=[{"en": "voicemail", "es": "buzón"}])
        await ann.send("ping", id=1)
        await ann.send("control", action="dance")
        for at in range(0, len(UTTERANCE), 3200):
            await ann.socket.send(UTTERANCE[at : at + 3200])
        await listener.has(1)
        await listener.until("gain", original=1.0)
        await second.until("no_captions")
        await listener.send("change", lang="fr", voice=False)
        await listener.until("changed")
        await ann.until("ack")
        await ann.until("error")
        events = [*listener.events, *ann.events, *second.events]
    wrong = [
        each for event in events for each in faults(MESSAGES[event["type"]]["payload"], event, ROOMS, event["type"])
    ]
    assert not wrong
    assert {"joined", "room", "segment", "voice", "gain", "original", "ready", "ack", "pong", "error"} <= {
        each["type"] for each in events
    }
