"""The parts of rooms that need no server: records, demand, rings, what waits, and what a token lets somebody do."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import cast

import pytest

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge.faults import Fault
from services.edge.rooms.access import granted
from services.edge.rooms.demand import Demand, Want
from services.edge.rooms.inputs import carry_out
from services.edge.rooms.member import Member
from services.edge.rooms.record import Record
from services.edge.rooms.ring import Inlet, Ring
from services.edge.rooms.terms import glossary, read_terms
from services.edge.rooms.values import Clause, Sent, sent
from services.edge.rooms.waiting import MOST_MESSAGES, Waiting


def asr(segment: int, text: str, revision: int = 1, final: bool = True, **more: object) -> pb.ServerMessage:
    told = {"segment_id": segment, "text": text, "revision": revision, "final": final, "lang": "en-US", **more}
    return pb.ServerMessage(asr=pb.AsrResult(**told))  # type: ignore[arg-type]  # fields of the message


def translation(segment: int, text: str, revision: int = 1, final: bool = True, source: int = 1) -> pb.ServerMessage:
    told = pb.TranslationResult(segment_id=segment, text=text, revision=revision, final=final, target_lang="es")
    told.source_revision = source
    return pb.ServerMessage(translation=told)


def made(record: Record, *messages: pb.ServerMessage) -> list[dict[str, object]]:
    return [dict(heard.sent.event) for message in messages for heard in record.take(message)]


def record() -> Record:
    found = Record("ann", 100)
    found.state = mesh.Speaker(source_langs=["en-US"], session_id="s", version=1)
    return found


def test_a_bundle_has_the_words_that_its_translation_was_made_from() -> None:
    events = made(
        record(),
        asr(1, "good", 1, final=False),
        asr(1, "good morning", 2, final=False),
        translation(1, "buenos", 1, final=False, source=1),
        asr(1, "Good morning.", 3),
        translation(1, "Buenos días.", 2, source=3),
    )
    bundles = [each["source"] for each in events if "source" in each]
    assert [each["text"] for each in bundles] == ["good", "Good morning."]  # type: ignore[index]  # objects


def test_what_comes_twice_changes_nothing() -> None:
    found = record()
    messages = [asr(1, "one"), translation(1, "uno"), asr(2, "two", 1, final=False)]
    first = made(found, *messages)
    assert len(first) == 3
    assert made(found, *messages) == []
    assert made(found, asr(1, "won", 2), translation(1, "otro", 2)) == []  # a final stands
    again = record()
    made(again, *found.messages())
    assert [each.text for each in again.history("es", 0, 0)] == [each.text for each in found.history("es", 0, 0)]


def test_a_voice_goes_on_where_it_was() -> None:
    found = record()
    chunk = pb.TtsChunk(data=bytes(3840), sample_rate=24_000, segment_id=1, target_lang="es", text="uno", offset_ms=0)
    more = pb.TtsChunk(data=bytes(3840), sample_rate=24_000, segment_id=1, target_lang="es", offset_ms=80)
    spoken = [pb.ServerMessage(tts=chunk), pb.ServerMessage(tts=more)]
    assert len(made(found, asr(1, "one"), *spoken)) == 3
    assert made(found, *spoken) == []
    told = found.received(5000)
    assert told is not None
    assert (told.voices[0].samples, told.segments[0].translations[0].speaking_samples) == (3840, 3840)


def test_a_record_with_a_hole_is_not_told() -> None:
    found = record()
    made(found, asr(1, "one"), asr(3, "three"))
    assert found.received(0) is None


def test_a_language_is_kept_for_a_while() -> None:
    demand = Demand(30)
    assert demand.tell("here", {"es": Want(captions=2), "": Want(captions=1)}, 0)
    assert not demand.tell("here", {"es": Want(captions=2), "": Want(captions=1)}, 1)
    demand.tell("there", {"fr": Want(captions=1, voice=1)}, 2)
    assert demand.needed(3) == {"es": False, "fr": True}
    demand.gone("there", 10)
    assert demand.needed(39) == {"es": False, "fr": True}
    assert demand.expires_in(39) == 1
    assert demand.needed(41) == {"es": False}


def test_a_ring_keeps_the_newest_and_says_when_it_has_no_more() -> None:
    ring = Ring(200)
    for _ in range(50):
        ring.add(mesh.Post(edge="a", speaker="b", said=b"12345678"))
    assert ring.since(1) is None
    assert [number for number, _ in ring.since(49) or ()] == [49, 50]
    assert ring.since(51) == ()


def test_messages_of_another_edge_are_put_in_order_and_missing_ones_asked_for() -> None:
    inlet = Inlet(1, 0.0)
    posts = [mesh.Post(seq=number) for number in range(1, 6)]
    assert [each.seq for each in inlet.take(posts[0])] == [1]
    assert not inlet.take(posts[2])
    assert inlet.asks(1.0) == 2
    assert inlet.asks(1.1) is None  # it was just asked for
    assert inlet.asks(1.5) == 2
    assert [each.seq for each in inlet.take(posts[1])] == [2, 3]
    assert not inlet.take(posts[1])
    assert inlet.asks(2.0) is None
    assert not inlet.take(posts[4])
    inlet.asks(3.0)
    assert inlet.given_up(7.0)
    assert [each.seq for each in inlet.skip_to(inlet.next_held())] == [5]


def voice(clause: str, begins: bool, ends: bool) -> Sent:
    told = sent({"type": "voice", "speaker": "a", "lang": "es", "text": clause}, b"12")
    return Sent(told.text, told.audio, None, Clause("a/es", 1000.0, begins, ends), told.event)


def test_a_voice_that_waits_too_long_is_left_out_by_the_clause() -> None:
    waiting = Waiting(2000)
    for number in range(20):
        waiting.put(voice(f"clause {number}", True, False))
        waiting.put(voice("", False, True))
    waiting.put(sent({"type": "segment"}))
    kinds = []
    while message := waiting.try_take():
        kinds.append(message.event["type"])
    assert kinds.count("segment") == 1
    assert kinds.count("voice_skipped") >= 15
    assert kinds.count("voice") % 2 == 0
    assert kinds.index("voice_skipped") == 0


def test_captions_are_replaced_and_never_left_out() -> None:
    waiting = Waiting(2000)
    for revision in range(100):
        waiting.put(sent({"revision": revision}, replaces=("a", "es", 1)))
    assert len(waiting) == 1
    for number in range(MOST_MESSAGES + 1):
        waiting.put(sent({"segment_id": number}, replaces=("a", "es", number + 2)))
    assert waiting.closed
    assert waiting.fault
    assert waiting.fault.code == "SLOW_READER"


def token(**claims: object) -> str:
    parts = ({"alg": "EdDSA"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts) + ".x"


def test_a_token_says_which_room_and_as_what() -> None:
    allowed = granted(token(tenant="acme", room="hall", role="listener"))
    assert allowed.tenant == "acme"
    allowed.require("hall", "listener")
    with pytest.raises(Fault) as refused:
        allowed.require("hall", "speaker")
    assert refused.value.accepted == ("listener",)
    with pytest.raises(Fault):
        allowed.require("other", "listener")
    granted("anything").require("any", "moderator")
    with pytest.raises(Fault):
        granted(token(role="king"))


def test_terms_are_whoever_speaks_which_language() -> None:
    terms = mesh.Terms(terms=[mesh.Term(by_lang=each) for each in read_terms([{"en": "voicemail", "es": "buzón"}], "")])
    assert glossary(terms, ["es-ES"]).terms[0].translations == {"en": "voicemail"}
    assert glossary(terms, ["en-US"]).terms[0].source == "voicemail"
    assert not glossary(terms, ["fr"]).terms
    with pytest.raises(InvalidArgument):
        read_terms([{"en": "alone"}], "terms")


async def test_a_ping_is_answered_and_a_long_id_of_one_refused_whatever_carries_it() -> None:
    told: list[Sent] = []
    member = cast(Member, SimpleNamespace(put=told.append))
    await carry_out(member, {"type": "ping", "id": 7})
    await carry_out(member, {"type": "ping"})
    assert [json.loads(each.text) for each in told] == [{"type": "pong", "id": 7}, {"type": "pong"}]
    with pytest.raises(InvalidArgument) as refused:
        await carry_out(member, {"type": "ping", "id": "x" * 1000})
    assert refused.value.field == "ping.id"
