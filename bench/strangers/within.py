"""What a session's client may try that was let in: more than its token grants, and to go on as somebody else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from bench.measuring.issuer import bearer, token
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub

NARROW: dict[str, Any] = {"languages": ["en", "es"], "voices": ["es-1"], "scope": "stream"}


def changes() -> Iterator[tuple[str, str, pb.ClientMessage]]:
    """What is asked for within a session that may speak English into Spanish, with one voice and no own terms."""
    term = pb.GlossaryTerm(source="a", translations={"es": "b"})
    french, other = pb.Target(lang="fr"), pb.Target(lang="es", voice="es-2")
    for name, code, control in (
        ("a target beyond the token", "LANGUAGE_NOT_GRANTED", pb.Control(action="set_target_lang", targets=[french])),
        ("a voice beyond the token", "VOICE_NOT_GRANTED", pb.Control(action="set_target_lang", targets=[other])),
        (
            "own terms within a session",
            "SCOPE_MISSING",
            pb.Control(action="set_dictionary", glossary=pb.Glossary(terms=[term])),
        ),
        (
            "another tenant's glossary within a session",
            "UNKNOWN_GLOSSARY",
            pb.Control(action="set_dictionary", glossary=pb.Glossary(name="secret-terms")),
        ),
        (
            "a path to another tenant's glossary",
            "UNKNOWN_GLOSSARY",
            pb.Control(action="set_dictionary", glossary=pb.Glossary(name="../other/secret-terms")),
        ),
    ):
        yield name, code, pb.ClientMessage(control=control)
    for name, code, changed in (
        ("a renewal without a language in use", "LANGUAGE_NOT_GRANTED", {"languages": ["en"]}),
        ("a renewal without a voice in use", "VOICE_NOT_GRANTED", {"voices": ["es-2"]}),
        ("a renewal of an hour ago", "TOKEN_EXPIRED", {"iat": time.time() - 3700, "exp": time.time() - 3600}),
    ):
        fresh = token(**{**NARROW, **changed})
        yield name, code, pb.ClientMessage(renewal=pb.Renewal(token=fresh))


@asynccontextmanager
async def narrow(clients: grpc.aio.Channel) -> AsyncIterator[tuple[Any, str]]:
    """Provide a session of a narrow token, and its handle."""
    call: Any = RealtimeTranslateStub(clients).Stream(metadata=bearer(token(**NARROW)))
    target = pb.Target(lang="es", voice="es-1")
    await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", targets=[target])))
    ready = await call.read()
    yield call, ready.ready.resume_handle
    await call.done_writing()
    while isinstance(await call.read(), pb.ServerMessage):
        pass


def resumptions(handle: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Ways to go on with a handle of one's own tenant, under another token or with another hello."""
    for name, code, changed, asked in (
        ("a handle, with another scope", "SCOPE_MISSING", {"scope": "translate"}, {}),
        ("a handle, without its language", "LANGUAGE_NOT_GRANTED", {"languages": ["en"]}, {}),
        ("a handle, with another target", "LANGUAGE_NOT_GRANTED", {}, {"targets": [pb.Target(lang="fr")]}),
        ("a handle, with another voice", "VOICE_NOT_GRANTED", {}, {"targets": [pb.Target(lang="es", voice="es-2")]}),
        ("a handle, revoked", "TOKEN_REVOKED", {"jti": "stolen"}, {}),
    ):
        said = {"targets": [pb.Target(lang="es", voice="es-1")], "resume_handle": handle, **asked}
        yield name, code, token(**{**NARROW, **changed}), said
