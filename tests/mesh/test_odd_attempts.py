"""What strangers try at the edge, and sessions beyond their tokens: the attempts of `bench.strangers`, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from bench.measuring.issuer import bearer, settings, token
from bench.strangers.at_edge import asked_of, knocks
from bench.strangers.odd_tokens import odd_attempts
from bench.strangers.within import NARROW, changes, narrow, resumptions
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.statuses import from_rpc_error
from tests.mesh.edge import edge_port
from tests.mesh.mesh import gateway_address


@asynccontextmanager
async def clients(folder: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A connection to a gateway that asks for tokens, one of which is revoked."""
    (folder / "revoked").write_text("stolen\n")
    told = settings(folder, tokens_revoked=folder / "revoked", calls_per_second=10_000)
    async with gateway_address(**told) as address, grpc.aio.insecure_channel(address) as channel:
        yield channel


async def first_code(channel: grpc.aio.Channel, shown: tuple[tuple[str, str], ...], **asked: Any) -> str:
    """The code that a session is refused by."""
    call: Any = RealtimeTranslateStub(channel).Stream(metadata=shown)
    hello = pb.SessionConfig(**{"source_lang": "en", "targets": [pb.Target(lang="es")], **asked})
    await call.write(pb.ClientMessage(hello=hello))
    answer = await call.read()
    call.cancel()
    return str(answer.error.code)


async def test_each_request_to_an_edge_is_refused_by_its_name(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        got = {(each.name, each.where): (each.code, (await asked_of(port, each))[1]) for each in knocks()}
    assert not {at: codes for at, codes in got.items() if codes[0] != codes[1]}


async def test_each_odd_token_is_refused_by_its_name(tmp_path: Path) -> None:
    wrong = {}
    async with clients(tmp_path) as channel:
        for each in odd_attempts():
            shown = tuple(("authorization", value) for value in each.shown)
            if each.rpc == "Stream":
                code = await first_code(channel, shown)
            else:
                text = pb.TranslateTextRequest(text="a", source_lang="en", target_langs=["es"])
                try:
                    await RealtimeTranslateStub(channel).TranslateText(text, metadata=shown)
                    code = ""
                except grpc.aio.AioRpcError as error:
                    code = from_rpc_error(error, "GATEWAY").code
            if code != each.code:
                wrong[each.name] = code
    assert not wrong


async def test_a_session_gets_no_more_than_its_token_grants_nor_does_its_handle(tmp_path: Path) -> None:
    async with clients(tmp_path) as channel:
        async with narrow(channel) as (call, handle):
            for name, code, message in changes():
                await call.write(message)
                assert ((await call.read()).error.code, name) == (code, name)
        for name, code, shown, asked in resumptions(handle):
            assert (await first_code(channel, bearer(shown), **asked), name) == (code, name)


async def test_a_fresh_token_may_grant_less_once_the_session_uses_no_more(tmp_path: Path) -> None:
    less = {**NARROW, "languages": ["en", "fr"], "voices": None}
    renewal = pb.ClientMessage(renewal=pb.Renewal(token=token(**less)))
    async with clients(tmp_path) as channel:
        call: Any = RealtimeTranslateStub(channel).Stream(metadata=bearer(token(scope="stream")))
        await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", targets=[pb.Target(lang="es")])))
        await call.read()
        await call.write(renewal)
        assert (await call.read()).error.code == "LANGUAGE_NOT_GRANTED"
        to_french = pb.Control(action="set_target_lang", targets=[pb.Target(lang="fr")])
        await call.write(pb.ClientMessage(control=to_french))
        await call.write(renewal)
        await call.write(pb.ClientMessage(text=pb.TextChunk(text="good morning", final=True)))
        await call.done_writing()
        codes, langs = set[str](), set[str]()
        while isinstance(message := await call.read(), pb.ServerMessage):
            codes.add(message.error.code)
            langs.add(message.translation.target_lang)
    assert codes == {""}
    assert "fr" in langs
