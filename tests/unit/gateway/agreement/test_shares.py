"""Who gets a slot that several tenants want."""

from __future__ import annotations

from services.gateway.agreement.shares import Claim, FairShares, Verdict


def test_a_tenant_alone_may_have_every_slot() -> None:
    assert FairShares().verdict(Claim(total=8, used=7, held=7)) is Verdict.ADMITTED
    assert FairShares().verdict(Claim(total=8, used=8, held=8)) is Verdict.FULL


def test_headroom_is_left_even_by_a_tenant_that_is_alone() -> None:
    fair = FairShares(headroom=2)
    assert fair.verdict(Claim(total=8, used=5, held=5)) is Verdict.ADMITTED
    assert fair.verdict(Claim(total=8, used=6, held=6)) is Verdict.SHARE_USED


def test_below_its_share_a_tenant_gets_the_last_slot() -> None:
    fair = FairShares(headroom=2)
    assert fair.verdict(Claim(total=8, used=7, held=0, tenants=2, waiting=3)) is Verdict.ADMITTED


def test_below_its_share_a_tenant_is_refused_only_where_there_is_no_slot() -> None:
    assert FairShares().verdict(Claim(total=8, used=8, held=0, tenants=2)) is Verdict.FULL


def test_a_slot_is_kept_for_each_tenant_that_waits_below_its_share() -> None:
    fair = FairShares()
    claim = Claim(total=8, used=6, held=6, tenants=3, waiting=1)
    assert fair.verdict(claim) is Verdict.ADMITTED
    assert fair.verdict(Claim(total=8, used=6, held=6, tenants=3, waiting=2)) is Verdict.SHARE_USED


def test_with_more_tenants_than_slots_each_has_a_share_of_one() -> None:
    fair = FairShares(headroom=2)
    assert fair.share(Claim(total=8, used=0, held=0, tenants=50)) == 1
    assert fair.verdict(Claim(total=8, used=7, held=0, tenants=50)) is Verdict.ADMITTED
    assert fair.verdict(Claim(total=8, used=7, held=1, tenants=50)) is Verdict.SHARE_USED


def test_what_one_tenant_may_hold_at_most_holds_in_an_empty_house() -> None:
    fair = FairShares(most=2)
    assert fair.verdict(Claim(total=8, used=2, held=2)) is Verdict.TENANT_LIMIT
    assert fair.verdict(Claim(total=8, used=7, held=1)) is Verdict.ADMITTED
