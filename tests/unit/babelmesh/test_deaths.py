"""Input is left out once two servers have ended over it, and not because a connection was lost."""

from __future__ import annotations

from babelmesh.client.deaths import Deaths


def test_what_two_servers_had_in_work_is_left_out_and_nothing_else() -> None:
    deaths = Deaths("one", 0)
    deaths.lost({"line 1", "line 2"}, 5)
    assert (deaths.count, deaths.resumed("two", 6)) == (1, frozenset())
    deaths.lost({"line 2", "line 3"}, 7)
    assert (deaths.count, deaths.resumed("three", 8)) == (2, frozenset({"line 2"}))
    deaths.lost({"line 3"}, 9)
    assert (deaths.count, deaths.resumed("four", 10)) == (1, frozenset())


def test_a_server_that_is_there_again_has_not_ended() -> None:
    deaths = Deaths("one", 0)
    for now in range(1, 9, 2):
        deaths.lost({"line 1"}, now)
        assert deaths.resumed("one", now + 1) == frozenset()


def test_a_server_that_lived_on_for_long_did_not_end_over_what_it_was_sent_first() -> None:
    deaths = Deaths("one", 0)
    deaths.lost({"line 1"}, 1)
    deaths.resumed("two", 2)
    deaths.lost({"line 1"}, 60)
    assert deaths.resumed("three", 61) == frozenset()


def test_of_servers_that_do_not_name_themselves_nothing_is_known() -> None:
    deaths = Deaths("", 0)
    for now in range(1, 9, 2):
        deaths.lost({"line 1"}, now)
        assert deaths.resumed("", now + 1) == frozenset()
    deaths.lost(set(), 20)
    assert deaths.count == 0


def test_audio_that_a_server_gave_results_of_did_not_end_it() -> None:
    deaths = Deaths("one", 0)
    deaths.lost({"audio 1", "text 2"}, 1)
    deaths.resumed("two", 2)
    deaths.bore("audio")
    deaths.lost({"audio 1", "text 2"}, 3)
    assert deaths.resumed("three", 4) == {"text 2"}
