"""A command whose input was not wholly heard does not end as if it had been."""

from __future__ import annotations

import pytest

from babelmesh.cli.shortfalls import Shortfalls, require_whole
from babelmesh.client.errors import BabelmeshError, Incomplete
from babelmesh.client.events import (
    DEGRADED_REASON_QUARANTINED,
    DEGRADED_REASON_UNAVAILABLE,
    GAP_REASON_MISSING_AUDIO,
    GAP_REASON_QUARANTINED,
    STAGE_ASR,
    STAGE_MT,
    Degraded,
    Flow,
    Gap,
)


def seen(*flows: Flow) -> Shortfalls:
    with Shortfalls() as shortfalls:
        for flow in flows:
            shortfalls.take(flow, 0.0)
    return shortfalls


def test_what_was_left_out_is_summed_up_and_ends_a_command_with_a_status_of_its_own() -> None:
    gaps = [
        Gap(from_ms=0, to_ms=1500, reason=GAP_REASON_QUARANTINED),
        Gap(from_ms=3000, to_ms=3500, reason=GAP_REASON_QUARANTINED),
    ]
    quarantined = Degraded(stage=STAGE_MT, target_lang="es", reason=DEGRADED_REASON_QUARANTINED, segment_id=2)
    with pytest.raises(Incomplete) as raised:
        require_whole(seen(Flow(gaps=gaps[:1]), Flow(gaps=gaps[1:], degraded=[quarantined])))
    told = str(raised.value)
    assert "2.0 s of audio were left out (QUARANTINED)." in told
    assert "1 of the segments in es were not translated" in told
    assert (raised.value.exit_status, BabelmeshError.exit_status) == (3, 1)


def test_audio_that_never_came_and_stages_that_were_away_for_a_while_are_no_shortfall() -> None:
    missing = Gap(from_ms=0, to_ms=1500, reason=GAP_REASON_MISSING_AUDIO)
    away = Degraded(stage=STAGE_ASR, reason=DEGRADED_REASON_UNAVAILABLE)
    require_whole(seen(Flow(gaps=[missing], degraded=[away]), Flow(held=True)))
