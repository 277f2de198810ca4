"""Sequences of calls: number K of a seed is the same whenever and on whatever machine it is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import TypeAlias

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message

from externalscaler import externalscaler_pb2
from mesh.asr.v1 import asr_pb2
from mesh.fault.v1 import fault_pb2
from mesh.mt.v1 import mt_pb2
from mesh.overview.v1 import overview_pb2
from mesh.stage.v1 import stage_pb2
from mesh.tts.v1 import tts_pb2
from realtime.v1 import realtime_translate_pb2 as pb
from tests.fuzz import recorded
from tests.fuzz.messages import any_bytes, spoil
from tests.fuzz.values import HANDLE, SESSION, STRINGS, mangled, noise

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
STREAM = "/realtime.v1.RealtimeTranslate/Stream"
ENDLESS = (
    "/mesh.stage.v1.Stage/Watch",
    "/mesh.overview.v1.Overview/Watch",
    "/externalscaler.ExternalScaler/StreamIsActive",
)  # watched for as long as the caller likes
RECOGNIZE = "/mesh.asr.v1.Asr/Recognize"


@dataclass(frozen=True, slots=True)
class Send:
    """Sends a message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Resume:
    """Sends a hello that goes on with the session before, by the handle that came and with what came of it."""

    data: bytes
    echo: bool  # whether `received` lists the segments that came


@dataclass(frozen=True, slots=True)
class Await:
    """Waits, but not for long, until something was received."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Stops reading answers, or goes on."""

    on: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Sends nothing for a while."""

    milliseconds: int


Step: TypeAlias = "Send | Resume | Await | Reading | Pause"


class Ending(Enum):
    """How the caller leaves."""

    HALF_CLOSE = "half-close"
    RESET = "reset"
    DROP = "connection closed"
    SILENCE = "says nothing more"


@dataclass(frozen=True, slots=True)
class Call:
    """One rpc: what is done in it, in order, and how it is left."""

    service: str  # a key of SERVED
    method: str  # "/package.Service/Method"; empty: the messages go to the socket as they are
    steps: Sequence[Step]
    ending: Ending = Ending.HALF_CLOSE
    metadata: Sequence[tuple[str, str]] = ()
    deadline_ms: int = 0  # 0: none
    gzip: bool = False  # whether messages are compressed


@dataclass(frozen=True, slots=True)
class CallSequence:
    """Calls of one stranger, one after the other or all at once."""

    number: int
    calls: Sequence[Call]
    together: bool = False


SERVED = {
    "gateway": (pb, overview_pb2, stage_pb2, fault_pb2, externalscaler_pb2),
    "operations": (overview_pb2, stage_pb2, fault_pb2, externalscaler_pb2),  # the gateway's port for operators
    "asr": (asr_pb2, stage_pb2, fault_pb2),
    "mt": (mt_pb2, stage_pb2, fault_pb2),
    "tts": (tts_pb2, stage_pb2, fault_pb2),
}


def methods() -> list[tuple[str, MethodDescriptor]]:
    """Every rpc of every contract, with the service that serves it."""
    return [
        (service, method)
        for service, modules in SERVED.items()
        for module in modules
        for contract in module.DESCRIPTOR.services_by_name.values()
        for method in contract.methods
    ]


def path(method: MethodDescriptor) -> str:
    """The path of an rpc."""
    return f"/{method.containing_service.full_name}/{method.name}"


def sequence(seed: int, number: int) -> CallSequence:
    """Number K of a seed."""
    random = Random(f"{seed}:{number}")
    (make,) = random.choices(list(KINDS), list(KINDS.values()))
    return CallSequence(number, make(random), together=make is _several)


def legal(times: int) -> Iterator[CallSequence]:
    """Sessions and a recognition as they were recorded, each so many times."""
    for number in range(times):
        random = Random(number)
        for record in recorded.SESSIONS:
            said = [Send(message.SerializeToString()) for message in record(random)]
            yield CallSequence(-1, [Call("gateway", STREAM, said)])
        heard = [Send(message.SerializeToString()) for message in recorded.recognized(random)]
        yield CallSequence(-1, [Call("asr", RECOGNIZE, heard)])


def _changed_session(random: Random) -> Call:
    """A recorded session, changed here and there, or not at all."""
    messages = random.choice(recorded.SESSIONS)(random)
    return _left(random, "gateway", STREAM, _steps(random, messages, pb.ClientMessage.DESCRIPTOR))


def _one(random: Random) -> list[Call]:
    return [_changed_session(random)]


def _several(random: Random) -> list[Call]:
    return [_changed_session(random) for _ in range(random.choice((2, 3, 5)))]


def _made(random: Random) -> list[Call]:
    """A session of messages that nobody recorded."""
    descriptor = pb.ClientMessage.DESCRIPTOR
    sent: list[Step] = [Send(any_bytes(descriptor, random)) for _ in range(random.randrange(8))]
    if random.random() < 0.7:
        sent.insert(0, Send(recorded.hello(random).SerializeToString()))
    return [_left(random, "gateway", STREAM, sent)]


def _resumed(random: Random) -> list[Call]:
    """A session that breaks off, and calls that go on with it."""
    first, *rest = random.choice(recorded.SESSIONS)(random)
    assert isinstance(first, pb.ClientMessage)
    before = [Send(first.SerializeToString()), Await(), *_steps(random, rest, pb.ClientMessage.DESCRIPTOR)]
    calls = [Call("gateway", STREAM, [*before, Pause(random.choice((0, 20, 200)))], Ending.RESET)]
    for _ in range(random.choice((1, 1, 2))):
        again = pb.ClientMessage()
        again.CopyFrom(first)
        again.hello.resume_handle = HANDLE
        again.hello.received.session_id = SESSION
        if random.random() < 0.5:
            again.hello.received.clock_ms = random.choice((0, 100, 2**31, 2**40, 2**62, -1, -(2**63)))
        if random.random() < 0.4:
            spoil(again, random)
        if random.random() < 0.2:
            again.hello.ClearField("received")
        resume = Resume(again.SerializeToString(), echo=random.random() < 0.6)
        calls.append(
            _left(random, "gateway", STREAM, [resume, Await(), *_steps(random, rest, pb.ClientMessage.DESCRIPTOR)])
        )
    return calls


def _recognition(random: Random) -> list[Call]:
    descriptor = asr_pb2.RecognizeRequest.DESCRIPTOR
    return [_left(random, "asr", RECOGNIZE, _steps(random, recorded.recognized(random), descriptor))]


def _rpcs(random: Random) -> list[Call]:
    return [_any_rpc(random) for _ in range(random.choice((1, 1, 3)))]


def _any_rpc(random: Random) -> Call:
    """One rpc of any contract, with one message as a rule, with none or with several now and then."""
    service, method = random.choice(methods())
    count = random.choice((1, 1, 1, 1, 1, 1, 0, 2))
    sent: list[Step] = [Send(any_bytes(method.input_type, random)) for _ in range(count)]
    return _left(random, service, path(method), sent)


def _no_call(random: Random) -> list[Call]:
    """Bytes on a connection that are no gRPC, or HTTP/2 that breaks off or goes wrong."""
    frame = bytes([0, 0, random.randrange(256), random.randrange(256), random.randrange(256)]) + random.randbytes(4)
    openings = (b"", PREFACE, PREFACE + bytes(3) + b"\x04" + bytes(5), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01")
    sent = [Send(random.choice(openings)), Send(frame * random.choice((0, 1, 100))), Send(noise(random, 300))]
    return [Call(random.choice(tuple(SERVED)), "", sent, Ending.DROP)]


def _steps(random: Random, messages: Sequence[Message], descriptor: Descriptor) -> list[Step]:
    """The messages as steps: as they are in one of four, else with some left out, doubled, swapped, spoilt or new."""
    steps: list[Step] = [Send(message.SerializeToString()) for message in messages]
    if random.random() < 0.25:
        return steps
    for _ in range(random.choice((1, 1, 2, 4))):
        at = random.randrange(len(steps)) if steps else 0
        steps[at : at + 1] = _instead(random, messages[min(at, len(messages) - 1)] if messages else None, descriptor)
    return steps


def _instead(random: Random, message: Message | None, descriptor: Descriptor) -> list[Step]:
    """What is done in the place of a message."""
    if message is None:
        return [Send(any_bytes(descriptor, random))]
    data = message.SerializeToString()
    changed = type(message)()
    changed.CopyFrom(message)
    spoil(changed, random)
    kept, spoilt = Send(data), Send(changed.SerializeToString())
    choices: list[list[Step]] = [
        [],
        [kept, kept],
        [spoilt],
        [spoilt],
        [spoilt, kept],
        [kept, Send(any_bytes(descriptor, random))],
        [Send(mangled(data, random))],
        [kept, Pause(random.choice((1, 20, 300)))],
        [Reading(False), kept],
        [Reading(False), kept, Pause(300), Reading(True)],
        [Await(), kept],
    ]
    return random.choice(choices)


def _left(random: Random, service: str, method: str, steps: Sequence[Step]) -> Call:
    """A call that is left in one way or another."""
    endings = [Ending.HALF_CLOSE] * 6 + [Ending.RESET] * 3 + [Ending.DROP] + [Ending.SILENCE] * (method == STREAM)
    ending = random.choice(endings)
    if method in ENDLESS and ending is Ending.HALF_CLOSE:
        steps, ending = [*steps, Await(), Pause(20)], Ending.RESET
    elif ending is not Ending.HALF_CLOSE and random.random() < 0.5:  # in the middle
        steps = steps[: random.randrange(len(steps) + 1)]
    metadata: list[tuple[str, str]] = []
    if random.random() < 0.1:
        printable = [value for value in STRINGS if value.isascii() and value.isprintable() and len(value) < 2_000]
        metadata.append((random.choice(("traceparent", "tracestate", "baggage", "x-tenant")), random.choice(printable)))
    deadline_ms = random.choice((1, 30, 300)) if random.random() < 0.05 else 0
    return Call(service, method, tuple(steps), ending, tuple(metadata), deadline_ms, random.random() < 0.03)


# How often each kind is made, in a hundred.
KINDS = {_one: 35, _made: 10, _resumed: 15, _several: 10, _recognition: 10, _no_call: 2, _rpcs: 18}
