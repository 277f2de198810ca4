from __future__ import annotations

from services.gateway.stages.replica import FORGIVEN_SECONDS, Lateness
from services.gateway.stages.watching import Silence


def test_a_peer_is_gone_after_a_silence_as_long_as_our_patience() -> None:
    silence = Silence(1.0, now=10.0)
    assert silence.left(10.9) > 0
    silence.heard(10.9)
    assert silence.left(11.8) > 0
    assert silence.left(11.9) <= 0


def test_time_we_did_not_run_is_not_the_peers_silence() -> None:
    silence = Silence(1.0, now=0.0)
    silence.stalled(5.0, now=5.25)
    assert silence.left(5.25) == 0.75
    assert silence.left(6.0) <= 0


def test_a_stall_before_the_last_word_gives_a_peer_no_more_time_than_silence_does() -> None:
    silence = Silence(1.0, now=0.0)
    silence.heard(5.0)  # it waited while we stalled
    silence.stalled(5.0, now=5.0)
    assert silence.left(6.0) <= 0


def test_a_replica_that_is_late_again_and_again_is_given_more_time_and_less_once_it_is_not() -> None:
    lateness = Lateness()
    given = []
    for now in range(4):
        given.append(lateness.patience(1.0, now))
        lateness.late(now)
    assert given == [1.0, 1.0, 2.0, 4.0]
    assert lateness.patience(1.0, 3 + FORGIVEN_SECONDS) == 1.0
