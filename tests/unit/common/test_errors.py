from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import KINDS, AtCapacity, Defect, InvalidArgument, MeshError, StageFailed, cause, quoted
from services.common.statuses import to_status


def test_each_kind_has_a_status_of_its_own() -> None:
    assert len({kind.status for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_status_names_its_reason(kind: type[MeshError]) -> None:
    status = to_status(kind("SOME_CODE", "It went wrong.", stage="MT"))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain, info.metadata["stage"]) == ("SOME_CODE", "babelmesh", "MT")
    assert status.message == "It went wrong."


def test_a_field_at_fault_is_named_with_what_it_accepts() -> None:
    error = InvalidArgument("UNKNOWN_VOICE", "There is no voice 'x'.", field="hello.voice", accepted=("a", "b"))
    violation = error_details_pb2.BadRequest()
    assert to_status(error).details[1].Unpack(violation)
    assert violation.field_violations[0].field == "hello.voice"
    assert violation.field_violations[0].description == "hello.voice: There is no voice 'x'. Accepted: a, b."


def test_capacity_tells_when_to_ask_again_and_whose_quota_it_was() -> None:
    _, retry_detail, quota_detail = to_status(
        AtCapacity("AT_CAPACITY", "Full.", retry_after_ms=1500, stage="ASR")
    ).details
    retry, quota = error_details_pb2.RetryInfo(), error_details_pb2.QuotaFailure()
    assert retry_detail.Unpack(retry)
    assert quota_detail.Unpack(quota)
    assert retry.retry_delay.ToMilliseconds() == 1500
    assert quota.violations[0].subject == "ASR"


def test_the_fault_inside_nested_groups_is_found() -> None:
    fault = StageFailed("MT_UNAVAILABLE", "Gone.")
    group = BaseExceptionGroup("outer", [KeyError("x"), BaseExceptionGroup("inner", [ValueError("y"), fault])])
    assert cause(group) is fault


def test_without_a_fault_the_first_exception_is_the_cause() -> None:
    first = KeyError("x")
    assert cause(ExceptionGroup("group", [first, ValueError("y")])) is first
    assert cause(first) is first


def test_a_defect_is_told_apart_from_what_a_caller_can_mend() -> None:
    assert to_status(Defect("DEFECT", "Ours.")).code != to_status(InvalidArgument("X", "Theirs.")).code


HARD_LIMIT_BYTES = 8 * 1024  # of metadata, which a client's gRPC takes as a rule


@given(st.sampled_from(["a", "\u00e9", "\u02d0", "\U0001f600", "\x1b", "%"]), st.integers(0, 3000), st.integers(0, 500))
def test_a_status_arrives_whole_whatever_it_tells_of(char: str, length: int, count: int) -> None:
    text = char * length
    error = AtCapacity("CODE", f"{text} is no message.", f"hello.{text}", [char * 4] * count, retry_after_ms=7)
    status = to_status(error)
    details = base64.b64encode(status.SerializeToString())
    assert len(quote(status.message)) + len(details) < HARD_LIMIT_BYTES


def test_what_a_caller_sent_is_shown_in_part_and_escaped() -> None:
    assert quoted("es") == "'es'"
    assert quoted("\x1b[31m") == r"'\x1b[31m'"
    assert quoted("a" * 64) == repr("a" * 64)
    assert quoted("a" * 1000) == f"{'a' * 64!r} and 936 more"


def test_what_is_accepted_is_listed_as_far_as_there_is_room() -> None:
    told = str(InvalidArgument("CODE", "It is none.", "field", [f"voice-{number}" for number in range(1000)]))
    assert told.startswith("field: It is none. Accepted: voice-0, voice-1, ")
    assert told.endswith(" more.")
    assert len(told) < 600
