"""What is taken of messages that come over NATS, whoever sent them."""

from __future__ import annotations

import pytest

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.rooms.checking import read_post

EDGE, ANN = "0123456789ab", "ba9876543210"
LATE = (1 << 63) - 1


def said(**message: object) -> bytes:
    return pb.ServerMessage(**message).SerializeToString()  # type: ignore[arg-type]  # fields of the message


def test_what_edges_say_is_taken() -> None:
    state = mesh.Speaker(source_langs=["auto", "es-MX"], missing={"fr": "NOT_TRANSLATED"}, version=1 << 41)
    asr = pb.AsrResult(segment_id=1, text="one", lang="en")
    for post in (
        mesh.Post(edge=EDGE, seq=1, speaker=ANN, state=state),
        mesh.Post(edge=EDGE, seq=2, speaker=ANN, said=said(asr=asr)),
        mesh.Post(edge=EDGE, seq=3, terms=mesh.Terms(terms=[mesh.Term(by_lang={"en": "a", "es": "b"})])),
        mesh.Post(edge=EDGE, beat=mesh.Beat(newest_seq=3, wants=[mesh.Want(lang=""), mesh.Want(lang="es")])),
    ):
        assert read_post(post.SerializeToString()) == post


@pytest.mark.parametrize(
    "post",
    [
        mesh.Post(edge="evil", seq=1),
        mesh.Post(edge=f"{EDGE}\n", seq=1),
        mesh.Post(edge=EDGE, seq=LATE),
        mesh.Post(edge=EDGE, seq=1, speaker="x" * 1000, said=said()),
        mesh.Post(edge=EDGE, seq=1, speaker=ANN, said=b"\xff\xff"),
        mesh.Post(edge=EDGE, seq=1, speaker=ANN, said=said(asr=pb.AsrResult(lang="x" * 100))),
        mesh.Post(edge=EDGE, seq=1, speaker=ANN, said=said(tts=pb.TtsChunk(offset_ms=LATE))),
        mesh.Post(edge=EDGE, seq=1, speaker=ANN, state=mesh.Speaker(version=LATE)),
        mesh.Post(edge=EDGE, seq=1, speaker=ANN, state=mesh.Speaker(missing={"x" * 100: "A"})),
        mesh.Post(edge=EDGE, seq=1, terms=mesh.Terms(version=LATE)),
        mesh.Post(edge=EDGE, seq=1, terms=mesh.Terms(terms=[mesh.Term(by_lang={"?": "a"})])),
        mesh.Post(edge=EDGE, beat=mesh.Beat(wants=[mesh.Want(lang="x" * 100)])),
        mesh.Post(edge=EDGE, beat=mesh.Beat(wants=[mesh.Want(lang="es")] * 1001)),
    ],
)
def test_what_no_edge_says_is_dropped(post: mesh.Post) -> None:
    assert read_post(post.SerializeToString()) is None


def test_bytes_that_are_no_message_are_dropped() -> None:
    assert read_post(b"\xff" * 100) is None
    assert read_post(b"") is None
