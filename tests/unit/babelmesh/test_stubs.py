"""The client's stubs are in its package, and stand beside any other stubs of the same contract."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap

import babelmesh
from realtime.v1 import realtime_translate_pb2 as pb


def test_the_client_and_the_services_have_the_same_messages() -> None:
    assert babelmesh.Target is pb.Target
    assert babelmesh.Target.__module__.startswith("babelmesh.")
    assert pickle.loads(pickle.dumps(babelmesh.Target(lang="es"))) == pb.Target(lang="es")


def test_stubs_of_another_version_of_the_contract_do_no_harm() -> None:
    program = """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    other = descriptor_pb2.FileDescriptorProto(name="realtime/v1/realtime_translate.proto", package="realtime.v1")
    other.message_type.add(name="Target").field.add(name="dialect", number=1, type=9, label=1)
    theirs = descriptor_pool.Default().AddSerializedFile(other.SerializeToString()).message_types_by_name["Target"]

    import babelmesh

    assert message_factory.GetMessageClass(theirs)(dialect="es").dialect == "es"
    assert babelmesh.Target(lang="es").lang == "es"
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False
    )
    assert not ended.returncode, ended.stderr
