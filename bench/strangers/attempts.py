"""What somebody may try who has no token, a forged one, or one for something else: is all of it refused, and how soon?

    python -m bench.strangers.attempts

Two gateways in processes of their own ask for tokens; with a redis-server or valkey-server here they share quotas. Each
attempt is one call. *ms*: from the first byte of the call to its refusal, as the client gets it; the best of three, as
what else runs here must not count. *slots*: those in use at that gateway right after it, by its own word. In-session
attempts hold the session's own. An edge before the first gateway is tried as well: its WebSockets and REST. A refusal
counts where it has the code that it should.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc

from bench.measuring.issuer import bearer, private, token
from bench.measuring.redis_server import PROGRAM, redis_server
from bench.measuring.report import Rows, at_least, at_most, finish
from bench.strangers.at_edge import Knock, asked_of, knocks
from bench.strangers.forgeries import Attempt, attempts
from bench.strangers.odd_tokens import odd_attempts
from bench.strangers.two_gateways import Gateway, slots_used, two_gateways
from bench.strangers.within import changes, narrow, resumptions
from mesh.fault.v1 import fault_pb2, fault_pb2_grpc
from mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1.realtime_translate_pb2_grpc import RealtimeTranslateStub
from services.common.statuses import from_rpc_error

TRIES = 3
RACERS = 12
CLASSES = {"default": {}, "one": {"sessions": 1}, "nothing": {"audio_minutes": {"day": 0}}}


@dataclass(frozen=True, slots=True)
class Refused:
    """How a call was refused; an empty code: it was not."""

    code: str
    status: str
    seconds: float
    slots: int


async def main() -> bool:
    """Prints the table; returns whether all was refused, by its name and in time."""
    rows = Rows("Attempts", ("attempt", "call", "refused as", "status", "slots", "ms"))
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="babelmesh-bench-")))
        variables = _variables(folder)
        if PROGRAM:
            variables["GATEWAY_QUOTAS_URL"] = (await stack.enter_async_context(redis_server(folder))).url
        first, second = await stack.enter_async_context(two_gateways(folder, CLASSES, variables))
        await asyncio.sleep(4 if PROGRAM else 0)  # a store that has just started grants nothing
        clients = await stack.enter_async_context(grpc.aio.insecure_channel(first.address))
        operators = await stack.enter_async_context(grpc.aio.insecure_channel(first.operations))
        found: list[tuple[str, Refused]] = []
        for each in [*attempts(), *odd_attempts()]:
            refused = await best(partial(tried, each, clients, operators))
            rows.add(each.name, each.rpc, refused.code, refused.status, refused.slots, 1000 * refused.seconds)
            found.append((each.code, refused))
        races = [await raced(first, second, operators) for _ in range(TRIES)]
        quickest = min(races, key=lambda each: (len(each), max(refused.seconds for _, _, refused in each)))
        for name, code, refused in [*await stolen(clients, operators), *await beyond(clients, operators), *quickest]:
            rows.add(name, "Stream", refused.code, refused.status, refused.slots, 1000 * refused.seconds)
            found.append((code, refused))
        for knock in knocks():
            answer = await best(partial(knocked, first.edge, knock, operators))
            rows.add(knock.name, knock.where, answer.code, answer.status, answer.slots, 1000 * answer.seconds)
            found.append((knock.code, answer))
    wrong = [refused for code, refused in found if refused.code != code]
    for refused in wrong:
        print("not refused by its name:", refused)
    goals = {
        "attempts.made": at_least(len(found), 160),
        "attempts.not_refused_by_name": at_most(len(wrong), 0),
        "attempts.slots": at_most(max(refused.slots for _, refused in found), 0),
        "attempts.slowest_ms": at_most(1000 * max(refused.seconds for _, refused in found), 50),
    }
    return finish("attempts", [rows], goals)


def _variables(folder: Path) -> dict[str, str]:
    revoked, kept = folder / "revoked", folder / "glossaries" / "other"
    revoked.write_text("stolen\n")
    kept.mkdir(parents=True)
    (kept / "secret-terms.json").write_text('{"terms": []}')
    return {
        "GATEWAY_TOKENS_REVOKED": str(revoked),
        "GATEWAY_GLOSSARIES": str(kept.parent),
        "GATEWAY_FAULTS": "true",
        "GATEWAY_CALLS_PER_SECOND": "10000",
    }


async def best(attempt: Callable[[], Awaitable[Refused]]) -> Refused:
    """The quickest of some tries."""
    return min([await attempt() for _ in range(TRIES)], key=lambda refused: refused.seconds)


async def tried(each: Attempt, clients: grpc.aio.Channel, operators: grpc.aio.Channel) -> Refused:
    """One attempt."""
    shown = tuple(("authorization", value) for value in each.shown)
    if each.rpc == "Stream":
        return await opened(clients, operators, shown, each.asked)
    stub: Any = RealtimeTranslateStub(clients)
    began = time.perf_counter()
    match each.rpc:
        case "TranslateText":
            text = {"text": "good morning", "source_lang": "en", "target_langs": ["es"], **each.asked}
            call = stub.TranslateText(pb.TranslateTextRequest(**text), metadata=shown)
        case "Describe":
            call = stub.Describe(pb.DescribeRequest(), metadata=shown)
        case "SimulateFault":
            request = fault_pb2.SimulateFaultRequest(kind=fault_pb2.FAULT_KIND_FAIL_NEXT)
            call = fault_pb2_grpc.FaultStub(operators).SimulateFault(request, metadata=shown)
        case _:
            call = overview_pb2_grpc.OverviewStub(operators).Watch(overview_pb2.WatchRequest(), metadata=shown)
    try:
        await (call.read() if hasattr(call, "read") else call)
    except grpc.aio.AioRpcError as error:
        seconds = time.perf_counter() - began
        code = from_rpc_error(error, "GATEWAY").code
        return Refused(code, error.code().name, seconds, await slots_used(operators))
    return Refused("", "OK", time.perf_counter() - began, await slots_used(operators))


async def opened(
    clients: grpc.aio.Channel, operators: grpc.aio.Channel, shown: tuple[tuple[str, str], ...], asked: dict[str, Any]
) -> Refused:
    """Opens a session, which is to be refused in its stream; its status is read as well."""
    began, code = time.perf_counter(), ""
    call = RealtimeTranslateStub(clients).Stream(metadata=shown)
    seconds, slots = 0.0, 0
    try:
        hello = pb.SessionConfig(**{"source_lang": "en", "targets": [pb.Target(lang="es")], **asked})
        await call.write(pb.ClientMessage(hello=hello))
        answer = await call.read()
        seconds, slots = time.perf_counter() - began, await slots_used(operators)
        code = answer.error.code if isinstance(answer, pb.ServerMessage) else ""
        await call.done_writing()
        while isinstance(await call.read(), pb.ServerMessage):
            pass
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        pass  # its status tells
    return Refused(code, (await call.code()).name, seconds, slots)


async def stolen(clients: grpc.aio.Channel, operators: grpc.aio.Channel) -> list[tuple[str, str, Refused]]:
    """Another tenant's handle, and tokens of others sent into a session that runs."""
    call = RealtimeTranslateStub(clients).Stream(metadata=bearer(token()))
    await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", targets=[pb.Target(lang="es")])))
    ready = await call.read()
    assert isinstance(ready, pb.ServerMessage)
    found = []
    renewals = {
        "a renewal of another tenant": ("TOKEN_OTHER_TENANT", token(tenant="other")),
        "a renewal of another subject": ("TOKEN_OTHER_SUBJECT", token(sub="another")),
        "a renewal without the scope": ("SCOPE_MISSING", token(scope="describe")),
        "a renewal that was revoked": ("TOKEN_REVOKED", token(jti="stolen")),
        "a renewal that is forged": ("TOKEN_FORGED", token(key=private("EdDSA", "stranger"))),
        "a renewal that is nonsense": ("TOKEN_MALFORMED", "nonsense"),
    }
    for name, (code, fresh) in renewals.items():
        began = time.perf_counter()
        await call.write(pb.ClientMessage(renewal=pb.Renewal(token=fresh)))
        answer = await call.read()
        assert isinstance(answer, pb.ServerMessage)
        refused = Refused(answer.error.code, "not fatal", time.perf_counter() - began, await slots_used(operators) - 1)
        found.append((name, code, refused))
    await call.done_writing()
    while isinstance(await call.read(), pb.ServerMessage):
        pass
    for name, code, shown, handle in (
        ("another tenant's handle", "RESUME_OTHER_TENANT", token(tenant="other"), ready.ready.resume_handle),
        ("a handle shown as a token", "TOKEN_KEY_UNKNOWN", ready.ready.resume_handle, ""),
        ("a token shown as a handle", "RESUME_FORGED", token(), token()),
    ):
        asked = {"resume_handle": handle}
        refused = await best(partial(opened, clients, operators, bearer(shown), asked))
        found.append((name, code, refused))
    return found


async def beyond(clients: grpc.aio.Channel, operators: grpc.aio.Channel) -> list[tuple[str, str, Refused]]:
    """More than a session's token grants, asked for within it; and its handle, under other tokens of its tenant."""
    found = []
    async with narrow(clients) as (call, handle):
        for name, code, message in changes():
            began = time.perf_counter()
            await call.write(message)
            answer = await call.read()
            seconds, slots = time.perf_counter() - began, await slots_used(operators) - 1
            found.append((name, code, Refused(answer.error.code, "not fatal", seconds, slots)))
    for name, code, shown, asked in resumptions(handle):
        found.append((name, code, await best(partial(opened, clients, operators, bearer(shown), asked))))
    return found


async def knocked(edge: int, knock: Knock, operators: grpc.aio.Channel) -> Refused:
    """One request to the edge."""
    began = time.perf_counter()
    status, code = await asked_of(edge, knock)
    return Refused(code, status, time.perf_counter() - began, await slots_used(operators))


async def raced(first: Gateway, second: Gateway, operators: grpc.aio.Channel) -> list[tuple[str, str, Refused]]:
    """Many sessions at once of a tenant that may have one, over both gateways; without a store at the first alone."""
    addresses = (first.address, second.address) if PROGRAM else (first.address,)
    async with AsyncExitStack() as stack:
        channels = [await stack.enter_async_context(grpc.aio.insecure_channel(each)) for each in addresses]
        for channel in channels:  # so that a connection's start is not measured
            await RealtimeTranslateStub(channel).Describe(pb.DescribeRequest(), metadata=bearer(token()))
        async with asyncio.TaskGroup() as group:
            races = [group.create_task(race(channels[number % len(channels)])) for number in range(RACERS)]
        calls = [each.result() for each in races]
        won = [call for call, code, _ in calls if not code]
        found = []
        for number, (_, code, seconds) in enumerate(calls):
            if code:
                refused = Refused(code, "RESOURCE_EXHAUSTED", seconds, max(0, await slots_used(operators) - len(won)))
                found.append((f"race {number} of {RACERS} for one place", "QUOTA_SESSIONS", refused))
        for call in won:
            call.cancel()
        await asyncio.sleep(1)  # the other gateway hears that the place is free
    if len(won) != 1:
        found.append((f"{len(won)} won the race", "QUOTA_SESSIONS", Refused("", "OK", 0.0, len(won))))
    return found


async def race(channel: grpc.aio.Channel) -> tuple[Any, str, float]:
    """One session that races; the code of its refusal, and the seconds until then."""
    began = time.perf_counter()
    call = RealtimeTranslateStub(channel).Stream(metadata=bearer(token(quota="one", tenant="racer")))
    await call.write(pb.ClientMessage(hello=pb.SessionConfig(source_lang="en", targets=[pb.Target(lang="es")])))
    answer = await call.read()
    seconds = time.perf_counter() - began
    code = answer.error.code if isinstance(answer, pb.ServerMessage) else "EOF"
    if code:
        await call.done_writing()
    return call, code, seconds


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(not asyncio.run(main()))
