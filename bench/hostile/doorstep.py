"""What is done at a door by those who have no key to it: calls without a token, or with a bad one, and handshakes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

import grpc

from bench.hostile.calls import GIVEN_UP, Attack, Case, Metadata, hello
from bench.measuring import issuer
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc

CALLERS = 8
HANDSHAKE_SECONDS = 5.0

Make = Callable[[], Metadata]


async def callers(attack: Attack, makes: Callable[[], Make]) -> None:
    """Opens session after session with what `makes` gives, several at once, and counts how each is refused."""
    make = makes()

    async def call_and_go(channel: grpc.aio.Channel) -> None:
        call = pb_grpc.RealtimeTranslateStub(channel).Stream(metadata=make())
        try:
            await call.write(hello())
            await attack.read(call)
        except grpc.aio.AioRpcError as error:
            attack.came[error.code().name] += 1
        except GIVEN_UP as error:
            attack.came[type(error).__name__] += 1
        finally:
            call.cancel()

    async def call_often() -> None:
        async with attack.channel() as channel:
            while attack.left > 0:
                await call_and_go(channel)

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(call_often())


def nothing() -> Make:
    """No token at all."""
    return tuple


def unknown_keys() -> Make:
    """Well-made tokens, each of another key that nobody knows."""
    numbers = count()
    return lambda: issuer.bearer(issuer.token("HS256", headers={"kid": f"key-{next(numbers)}"}))


def forged() -> Make:
    """A token that somebody else signed, under the id of a key that is known."""
    made = issuer.bearer(issuer.token("HS256", "another secret of more than thirty-two bytes"))
    return lambda: made


def large() -> Make:
    """As much as a header may hold, in the place of a token."""
    made = issuer.bearer("a." * 3_500 + "a")
    return lambda: made


async def handshakes(attack: Attack) -> None:
    """Shakes hands and leaves, one connection after the other; every second one leaves in the midst of it."""
    host, _, port = attack.addresses["gateway"].rpartition(":")
    context = ssl.create_default_context(cafile=attack.key.ca or None)
    context.set_alpn_protocols(["h2"])

    def shake(whole: bool) -> str:
        try:
            with socket.create_connection((host, int(port)), HANDSHAKE_SECONDS) as connection:
                if not whole:
                    connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
                    return "begun"
                with context.wrap_socket(connection, server_hostname=host):
                    return "shaken"
        except OSError as error:
            return type(error).__name__

    async def shake_often() -> None:
        while attack.left > 0:
            for whole in (True, False):
                attack.came[await asyncio.to_thread(shake, whole)] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(shake_often())


DOORSTEP: Mapping[str, Case] = {
    "sessions without a token": partial(callers, makes=nothing),
    "tokens of unknown keys": partial(callers, makes=unknown_keys),
    "tokens, forged": partial(callers, makes=forged),
    "tokens of 7 kB": partial(callers, makes=large),
    "handshakes": handshakes,
}
