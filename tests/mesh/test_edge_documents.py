"""The documents of the edge's protocols say what is sent and taken: events and answers are held against them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from services.edge import app
from services.edge.realtime.inputs import FIELDS
from services.edge.rooms.rest import QR, STATE, TRANSCRIPT
from services.edge.webrtc.calls import PATH as CALLS
from services.edge.webrtc.rooms import WHEP, WHIP
from services.edge.webrtc.translating import PATH as TRANSLATION_CALLS
from tests.mesh.edge import Got, connect, control, edge_port, heard, hello, say, spoken, typed
from tests.mesh.mesh import UTTERANCE
from tests.mesh.test_edge_rest import call

ASYNC = json.loads(app.DOCUMENTS["/asyncapi.json"].read_text())
OPEN = json.loads(app.DOCUMENTS["/openapi.json"].read_text())
KINDS: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
}


def faults(schema: Any, value: Any, document: Any, path: str = "") -> Iterator[str]:
    """What a value has otherwise than a schema of JSON Schema says; of it, what the documents use."""
    if "$ref" in schema:
        schema = resolved(document, schema["$ref"])
    kind = schema.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{path} is no {kind}: {value!r}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path} is {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value!r}"
    if kind == "object":
        yield from faults_of_object(schema, value, document, path)
    if kind == "array":
        for index, each in enumerate(value):
            yield from faults(schema["items"], each, document, f"{path}[{index}]")


def faults_of_object(schema: Any, value: Any, document: Any, path: str) -> Iterator[str]:
    known = schema.get("properties", {})
    yield from (f"{path} has no {name}" for name in schema.get("required", ()) if name not in value)
    for name, each in value.items():
        if name in known:
            yield from faults(known[name], each, document, f"{path}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{path} has {name}"


def resolved(document: Any, reference: str) -> Any:
    """What a reference within a document leads to. Raises KeyError."""
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/")]
    return resolved(document, found["$ref"]) if "$ref" in found else found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from references(each)


def test_connections_by_webrtc_and_rooms_are_documented() -> None:
    for path in (CALLS, TRANSLATION_CALLS, WHIP, WHEP):
        assert OPEN["paths"][path].keys() == {"post", "get"}
        assert OPEN["paths"][f"{path}/{{id}}"].keys() == {"patch", "delete"}
    assert {STATE, TRANSCRIPT, QR} < OPEN["paths"].keys()


def test_the_documents_are_whole() -> None:
    assert ASYNC["asyncapi"] == "3.0.0"
    assert OPEN["openapi"].startswith("3.1")
    for document in (ASYNC, OPEN):
        assert [resolved(document, each) for each in references(document)]
    named = {name.rpartition("/")[2] for each in ASYNC["operations"].values() for name in references(each["messages"])}
    assert named == ASYNC["components"]["messages"].keys()


def test_a_client_may_send_what_the_document_says_and_nothing_else() -> None:
    told = [each["$ref"].rpartition("/")[2] for each in ASYNC["operations"]["fromClient"]["messages"]]
    assert {name for name in told if name != "hello"} == FIELDS.keys()
    for name, fields in FIELDS.items():
        properties = ASYNC["components"]["messages"][name]["payload"]["properties"].keys() - {"type"}
        assert set(fields) == properties, name


async def test_every_event_is_as_the_document_says() -> None:
    features = ["partial_results", "vad", "latency", "viewing"]
    async with edge_port({"heartbeat_ms": 200}) as port, connect(port) as socket:
        got = Got()
        await say(
            socket,
            hello("es", "fr", features=features, dictionary={"voicemail": "buzón"}),
            typed("your voicemail", seq=3),
            {"type": "ping", "id": "a"},
            control("ping", marker="here"),
            *spoken(UTTERANCE * 2),
            control("set_target_lang", target_lang="xx"),
            control("end"),
        )
        await heard(socket, got)
    messages = ASYNC["components"]["messages"]
    wrong = [
        fault for each in got.events for fault in faults(messages[each["type"]]["payload"], each, ASYNC, each["type"])
    ]
    assert not wrong
    assert {"ready", "final_asr", "tts_audio", "latency", "pong", "marker", "ack", "error"} <= {
        each["type"] for each in got.events
    }


async def test_every_answer_of_rest_is_as_the_document_says() -> None:
    asked = {"source_lang": "en", "target_langs": ["es"], "text": "your voicemail", "formality": "formal"}
    requests: list[tuple[str, Any]] = [
        ("/v1/translate", asked),
        ("/v1/translate", {}),
        ("/v2/translate", {"text": "a", "source_lang": "en", "target_lang": "es"}),
        ("/v1/translations", {"text": "a", "source_language": "en", "target_language": "es"}),
        ("/v1/languages", None),
        ("/v1/realtime/calls", None),
        ("/healthz", None),
    ]
    wrong: list[str] = []
    async with edge_port() as port:
        for path, body in requests:
            status, answer = await call(port, path, body)
            told = OPEN["paths"][path]["get" if body is None else "post"]["responses"][str(status)]
            told = resolved(OPEN, told["$ref"]) if "$ref" in told else told
            (schema,) = (each["schema"] for each in told["content"].values())
            wrong += faults(schema, answer, OPEN, path)
    assert not wrong
