"""The short form of the fuzzer, and that what it plays is what it says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from google.protobuf.message import DecodeError

from realtime.v1 import realtime_translate_pb2 as pb
from tests.fuzz.edge_sequences import edge_sequence
from tests.fuzz.sequences import STREAM, Send, methods, path, sequence

SEED = 12
SECONDS = 60


@pytest.mark.clock
@pytest.mark.timeout(360)  # a hang is one after half a minute
def test_nothing_that_strangers_send_is_a_defect_or_leaves_anything_behind() -> None:
    # In a process of its own: what gRPC's client keeps of calls that were reset at once is none of this test's tasks.
    # It takes what processors are idle: the tests beside it wait for most of their time, and are to be on it.
    command = ["nice", "-n", "5", sys.executable, "-m", "tests.fuzz", "--seed", str(SEED), "--seconds", str(SECONDS)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "nothing was found" in ended.stdout


def test_a_sequence_is_the_same_each_time_it_is_made() -> None:
    assert all(sequence(3, number) == sequence(3, number) for number in range(50))
    assert sequence(3, 1) != sequence(4, 1)


def test_a_sequence_for_the_edge_is_the_same_each_time_and_all_protocols_are_spoken() -> None:
    assert all(edge_sequence(3, number) == edge_sequence(3, number) for number in range(30))
    assert edge_sequence(3, 1) != edge_sequence(4, 1)
    made = [edge_sequence(SEED, number) for number in range(300)]
    protocols = {"own", "openai", "deepgram", "wyoming", "room", "http"}
    assert {each.connections[0].protocol for each in made} == protocols
    asked = [request.path for each in made for one in each.connections for request in one.asked]
    parts = {part for path in asked for part in re.split(r"[/?]", path)}
    assert parts >= {"calls", "whip", "whep", "captions", "transcript"}


def test_every_rpc_of_every_contract_is_called() -> None:
    called = {(call.service, call.method) for number in range(3_000) for call in sequence(SEED, number).calls}
    assert {each for each in called if each[1]} == {(service, path(method)) for service, method in methods()}


def test_every_field_of_a_client_message_is_set_sooner_or_later() -> None:
    seen: set[str] = set()
    for number in range(600):
        for call in sequence(SEED, number).calls:
            if call.method == STREAM:
                for step in call.steps:
                    seen |= _fields(step.data) if isinstance(step, Send) else set()
    assert seen >= {field.name for field in pb.SessionConfig.DESCRIPTOR.fields}
    assert seen >= {field.name for field in pb.Control.DESCRIPTOR.fields}


def _fields(data: bytes) -> set[str]:
    """The fields that are set in a message, if it is one."""
    try:
        message = pb.ClientMessage.FromString(data)
    except DecodeError:
        return set()
    kind = message.WhichOneof("payload")
    return {field.name for field, _ in getattr(message, kind).ListFields()} if kind else set()
