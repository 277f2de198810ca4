from __future__ import annotations

from bench.capacity.tiers_simulated import Scene, play

SCENE = Scene(sessions=20, cores=2.4, seconds=240.0)


def test_a_ladder_keeps_the_objective_where_the_larger_tiers_alone_do_not() -> None:
    assert play(SCENE).kept >= 0.95
    assert play(SCENE, fixed=1).kept < 0.9
    assert play(SCENE, fixed=2).kept < 0.1


def test_the_larger_tiers_are_used_where_there_is_room_and_given_up_where_there_is_none() -> None:
    played = play(SCENE)
    alone, crowded = played.on_tiers[5][1], played.on_tiers[120][1]
    assert alone[2] >= 1
    assert crowded[2] <= 1
    assert crowded[0] >= 10


def test_sessions_do_not_change_their_tiers_to_and_fro() -> None:
    played = play(SCENE)
    session_minutes = sum(sum(on) for _, on in played.on_tiers) / 60
    assert played.changes <= session_minutes


def test_models_that_cost_twice_what_they_were_timed_to_cost_are_found_out() -> None:
    assert play(Scene(sessions=20, cores=2.4, seconds=240.0, truth=2.0)).kept >= 0.9


def test_a_scene_is_played_the_same_each_time() -> None:
    assert play(SCENE).answers == play(SCENE).answers
