from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest

from services.common.errors import AtCapacity, InvalidArgument, MeshError, StageFailed
from services.common.statuses import to_status
from services.gateway.stages.calls import Abandoned
from services.gateway.stages.links import Link
from services.gateway.stages.tries import RETRY_SECONDS, Budget, CallFailed, Tries

if TYPE_CHECKING:
    from collections.abc import Sequence

BROKEN = StageFailed("MT_ENGINE_FAILED", "Broken.", stage="MT")
FULL = AtCapacity("AT_CAPACITY", "Full.", retry_after_ms=100)


def link(draining: bool = False, died: bool = True) -> Link:
    found = Link(1, cast(grpc.aio.Channel, None))
    if draining:
        found.draining.set()
    if died:
        found.died.set()
    return found


def rpc_error(code: grpc.StatusCode, details: str, trailers: Sequence[tuple[str, Any]] = ()) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details)


def typed(fault: MeshError) -> grpc.aio.AioRpcError:
    status = to_status(fault)
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    return rpc_error(code, status.message, [("grpc-status-details-bin", status.SerializeToString())])


def cut() -> grpc.aio.AioRpcError:
    return rpc_error(grpc.StatusCode.UNAVAILABLE, "Stream removed (Socket closed)")


def never_there() -> grpc.aio.AioRpcError:
    return rpc_error(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: UNKNOWN: refused")


def tries(**budget: Any) -> Tries:
    return Tries("MT", Budget(**budget), 0.0, suspect="a text")


def codes(asked: Tries, *errors: CallFailed, others: bool = True, draining: bool = False) -> list[str]:
    """The fault after each error, up to the one that is the last word."""
    told = []
    for error in errors:
        told.append(asked.failed(error, link(draining), 0.1, others).code)
        if not asked.again:
            break
    return told


def silenced() -> Link:
    """The connection to a replica that was left because it said nothing."""
    found = link(died=False)
    found.lost.set()
    return found


@pytest.mark.parametrize(
    "end",
    [Abandoned(), rpc_error(grpc.StatusCode.CANCELLED, "Channel closed."), rpc_error(grpc.StatusCode.UNAVAILABLE, "")],
)
def test_replicas_that_were_only_silent_died_of_nothing(end: CallFailed) -> None:
    asked = tries()
    for _ in range(4):
        assert asked.failed(end, silenced(), 0.1, others=True).code == "MT_UNAVAILABLE"
    assert asked.again


def test_a_connection_given_up_for_want_of_an_answer_to_a_ping_is_no_death() -> None:
    asked = tries()
    for _ in range(4):
        asked.failed(rpc_error(grpc.StatusCode.UNAVAILABLE, "ping timeout"), link(died=False), 0.1, others=True)
    assert asked.deaths == 0


@pytest.mark.parametrize("death", [cut(), Abandoned(), rpc_error(grpc.StatusCode.INTERNAL, "RST_STREAM")])
def test_two_deaths_quarantine(death: CallFailed) -> None:
    assert codes(tries(), death, death, death) == ["MT_UNAVAILABLE", "MT_QUARANTINED"]


def test_deaths_with_other_troubles_between_still_count() -> None:
    assert codes(tries(), cut(), typed(FULL), cut(), cut())[-1] == "MT_QUARANTINED"


def test_deaths_of_before_count() -> None:
    assert codes(Tries("MT", Budget(), 0.0, suspect="a text", deaths=1), cut(), cut()) == ["MT_QUARANTINED"]


def test_a_replica_that_was_never_reached_did_not_die() -> None:
    assert codes(tries(), *[never_there()] * 5) == ["MT_UNAVAILABLE"] * 5


@pytest.mark.parametrize("end", [cut(), Abandoned()])
def test_a_draining_replica_that_goes_did_not_die(end: CallFailed) -> None:
    assert codes(tries(), *[end] * 5, draining=True) == ["MT_UNAVAILABLE"] * 5


def test_what_holds_no_text_is_never_quarantined() -> None:
    assert codes(Tries("MT", Budget(), 0.0), *[cut()] * 5) == ["MT_UNAVAILABLE"] * 5


def test_an_engine_that_failed_is_believed_the_second_time() -> None:
    assert codes(tries(), *[typed(BROKEN)] * 3) == ["MT_ENGINE_FAILED"] * 2


def test_a_slow_replica_is_followed_by_another_one_but_not_by_itself() -> None:
    assert codes(tries(), *[TimeoutError()] * 3) == ["MT_TOO_SLOW"] * 2
    assert codes(tries(), *[TimeoutError()] * 3, others=False) == ["MT_TOO_SLOW"]


def test_a_fault_of_the_question_is_told_at_once() -> None:
    assert codes(tries(), typed(InvalidArgument("EMPTY", "Empty.", "text"))) == ["EMPTY"]


def test_those_that_refused_are_asked_again_for_a_while_only() -> None:
    asked = tries()
    asked.failed(typed(FULL), link(), 10.0, others=False)
    assert asked.again
    asked.failed(typed(FULL), link(), 10.0 + RETRY_SECONDS, others=False)
    assert not asked.again


def test_those_not_asked_yet_are_asked_however_late_it_is() -> None:
    asked = tries(retry_seconds=0.0)
    asked.failed(Abandoned(), link(), 1.0, others=True)
    asked.failed(typed(FULL), link(), 9.0, others=True)
    assert asked.again


def test_nothing_is_asked_once_the_answer_is_of_no_use() -> None:
    asked = tries(seconds=1.0)
    asked.failed(typed(FULL), link(), 0.9, others=True)
    assert asked.again
    asked.failed(typed(FULL), link(), 1.0, others=True)
    assert not asked.again


async def test_a_death_is_told_from_a_refusal_by_what_grpc_really_says() -> None:
    """The words are gRPC's: should they change, this fails, and not a session."""

    def served() -> asyncio.Protocol:
        return asyncio.Protocol()

    listener = await asyncio.get_running_loop().create_server(served, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method: Any = channel.unary_unary("/a.B/C")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await method(b"")
    assert codes(tries(), *[refused.value] * 3) == ["MT_UNAVAILABLE"] * 3


def test_a_connection_dies_once_however_often_it_is_tried() -> None:
    """A replica was killed, and it takes a moment until it is known to be lost."""
    tries, dead = Tries("TTS", Budget(), 0.0, suspect="text"), link()
    first, second = (tries.failed(cut(), dead, now, others=False) for now in (0.0, 0.01))
    assert (tries.deaths, first.code, second.code) == (1, "TTS_UNAVAILABLE", "TTS_UNAVAILABLE")
    assert tries.again


def test_a_replica_that_broke_off_is_not_the_next_one_asked() -> None:
    tries, there = Tries("TTS", Budget(), 0.0, suspect="text"), link()
    tries.tried |= {1, 2}
    tries.went_on(there)
    assert tries.tried == {there.replica_id}
