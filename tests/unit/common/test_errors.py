from __future__ import annotations

import pytest
from google.rpc import error_details_pb2

from services.common.errors import (
    KINDS,
    AtCapacity,
    Defect,
    InvalidArgument,
    MeshError,
    StageFailed,
    cause,
    to_status,
)


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
