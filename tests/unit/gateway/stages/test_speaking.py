from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.stages.speaking import Given

CLAUSE = np.arange(1, 1001, dtype=np.int16)
CUTS = st.lists(st.integers(0, 1000), max_size=5).map(sorted)


@given(st.lists(CUTS, min_size=1, max_size=4))
def test_however_often_it_is_begun_again_each_sample_is_given_once(replicas: list[list[int]]) -> None:
    """Each replica gives its pieces up to its last cut; the last one all."""
    account, heard = Given(), []
    for number, cuts in enumerate(replicas):
        account.begin_again()
        ends = [*cuts, 1000] if number == len(replicas) - 1 else cuts
        for start, end in zip([0, *ends], ends, strict=False):
            heard += account.rest(CLAUSE[start:end], 16_000).tolist()
    assert heard == CLAUSE.tolist()


def test_another_rate_goes_on_at_the_same_time() -> None:
    account = Given()
    assert len(account.rest(CLAUSE[:500], 16_000)) == 500
    account.begin_again()
    assert account.rest(CLAUSE, 8_000).tolist() == CLAUSE[250:].tolist()
