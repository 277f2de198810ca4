"""The picture of a running mesh, on terminals of all sizes."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from babelmesh.cli.overview import Gateway, as_object, pairs_of
from babelmesh.cli.top import Size, picture
from mesh.overview.v1 import overview_pb2 as pb
from mesh.stage.v1 import stage_pb2

SERVING = stage_pb2.STATE_SERVING


def replica(number: int, used: int = 0, total: int = 8, **rest: Any) -> pb.Replica:
    return pb.Replica(**{"number": number, "state": SERVING, "slots_used": used, "slots_total": total, **rest})


def told(*recognizers: pb.Replica, sessions: int = 3, **rest: Any) -> pb.WatchResponse:
    gateway = replica(0, sessions, 16)
    stages = [
        pb.Stage(name="ASR", replicas=recognizers or [replica(1, sessions)]),
        pb.Stage(name="MT", replicas=[replica(2, 1, 64, queue_seconds=0.25, fill=0.5)]),
        pb.Stage(name="TTS", replicas=[replica(3)]),
    ]
    return pb.WatchResponse(**{"gateway": gateway, "gateways": [gateway], "stages": stages, **rest})


def pair(target_lang: str, segments: int, p50_ms: int, p95_ms: int) -> pb.Pair:
    lag = pb.Spread(p50_ms=p50_ms, p95_ms=p95_ms)
    return pb.Pair(source_lang="en", target_lang=target_lang, segments=segments, lag=lag)


def there(address: str, said: pb.WatchResponse) -> Gateway:
    gateway = Gateway(address)
    gateway.tells(said)
    return gateway


def drawn(*gateways: Gateway, width: int = 80, height: int = 24, whole: bool = False) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    with console.capture() as captured:
        console.print(picture(gateways, Size(width, 0 if whole else height, "#.")))
    return [line.rstrip() for line in captured.get().splitlines()]


def row(lines: list[str], name: str) -> list[str]:
    """The words of the row of that name."""
    return next(line.removeprefix(name).split() for line in lines if line.startswith(name))


def test_each_replica_is_a_row_with_what_it_has_in_hand() -> None:
    lines = drawn(there("mesh:7700", told()))
    assert lines[0].startswith("babelmesh top  3 of 16 sessions")
    assert row(lines, "mesh:7700")[0] == "serving"
    assert row(lines, "mesh:7700")[-1] == "3/16"
    assert row(lines, "MT 2")[-4:] == ["1/64", "0.25", "s", "50%"]


def test_a_bar_shows_the_share_in_use_and_never_hides_a_stream() -> None:
    asr = [replica(1, 1, 1000), replica(4, 4, 8), replica(5, 8, 8), replica(6, 0, 8)]
    lines = drawn(there("mesh:7700", told(*asr)), width=72)
    bars = [row(lines, f"ASR {number}")[1] for number in (1, 4, 5, 6)]
    assert bars == ["#.........", "#####.....", "##########", ".........."]


def test_languages_have_their_lag_of_the_last_minute_and_nothing_where_nobody_waited() -> None:
    spoken = pair("es", 12, 1234, 2345)
    spoken.first_audio.CopyFrom(pb.Spread(p50_ms=900, p95_ms=1500))
    typed = pb.Pair(source_lang="en", target_lang="ca", segments=2)
    lines = drawn(there("mesh:7700", told(pairs=[spoken, typed])))
    assert row(lines, "en > es") == ["12", "1.2", "s", "2.3", "s", "0.9", "s", "1.5", "s"]
    assert row(lines, "en > ca") == ["2"]


def test_several_gateways_are_added_up() -> None:
    one = there("one:7700", told(sessions=3, pairs=[pair("es", 30, 1000, 2000)], degradations=1))
    other = there("other:7700", told(sessions=4, pairs=[pair("es", 10, 3000, 5000)], degradations=2))
    (both,) = pairs_of([one, other])
    assert (both.segments, both.lag.p50_ms, both.lag.p95_ms) == (40, 1500, 5000)
    lines = drawn(one, other)
    assert "7 of 32 sessions" in lines[0]
    assert "2 of 2 gateways answer" in lines[0]
    assert len([line for line in lines if line.startswith("ASR")]) == 1  # both see the same one
    assert "3 times in the last minute" in lines[-1]


def test_one_gateway_that_knows_its_peers_shows_them_all() -> None:
    lines = drawn(there("mesh:7700", told(gateways=[replica(7, 5, 16), replica(8, 6, 16, turned_away=2)])))
    assert "11 of 32 sessions" in lines[0]
    assert row(lines, "gateway 8")[-4:] == ["6/16", "2", "turned", "away"]


def test_a_gateway_that_is_gone_is_told_and_so_is_its_return() -> None:
    stays, goes = there("stays:7700", told()), there("goes:7700", told())
    goes.goes("No server answers.")
    lines = drawn(stays, goes)
    assert "1 of 2 gateways answer" in lines[0]
    assert row(lines, "goes:7700 ")[0] == "gone"
    assert lines[-1].startswith("goes:7700 gone for")
    assert lines[-1].endswith("No server answers.")
    goes.tells(told())
    assert drawn(stays, goes)[-1] == "goes:7700 is back"


def test_without_any_answer_there_is_still_a_picture() -> None:
    asked, gone = Gateway("a:1"), Gateway("b:2")
    gone.goes("No server answers.")
    assert "0 of 2 gateways answer" in drawn(asked, gone)[0]


def test_replicas_that_drain_or_are_lost_say_so() -> None:
    asr = [replica(1, 2, state=stage_pb2.STATE_DRAINING), pb.Replica(number=9)]
    lines = drawn(there("mesh:7700", told(*asr)))
    assert row(lines, "ASR 1")[0] == "draining"
    assert row(lines, "ASR 9") == ["lost"]


def test_where_replicas_find_no_room_a_stage_is_one_row() -> None:
    asr = [replica(number, 4) for number in range(10, 39)] + [replica(39, 4, state=stage_pb2.STATE_DRAINING)]
    mesh = there("mesh:7700", told(*asr))
    assert row(drawn(mesh), "ASR x30")[:2] == ["29/30", "serve"]
    assert "120/240" in row(drawn(mesh), "ASR x30")
    assert len([line for line in drawn(mesh, whole=True) if line.startswith("ASR")]) == 30


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (50, 12), (30, 12), (20, 10)])
def test_the_picture_fits_any_terminal(width: int, height: int) -> None:
    asr = [replica(number, 4) for number in range(10, 40)]
    lines = drawn(
        there("a-gateway.with.a-long.name:7700", told(*asr, pairs=[pair("es", 1, 2, 3)])), width=width, height=height
    )
    assert len(lines) < height
    assert all(len(line) <= width for line in lines)


def test_as_an_object_it_keeps_the_contracts_names_and_leaves_out_what_is_unset() -> None:
    told_ = as_object(told(pairs=[pb.Pair(source_lang="en", target_lang="es", segments=2)]))
    assert told_["gateway"]["slots_used"] == 3
    assert told_["pairs"] == [{"source_lang": "en", "target_lang": "es", "segments": 2}]


def test_a_stage_shows_who_is_on_which_tier() -> None:
    tiers = [stage_pb2.Tier(name="small", sessions=9), stage_pb2.Tier(name="large", sessions=2)]
    lines = drawn(there("host:1", told(replica(1, 11, 16, tiers=tiers))), width=120)
    assert any("ASR 1" in line and "2 on large, 9 on small" in line for line in lines)
