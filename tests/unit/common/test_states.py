"""The states of a replica are those of the contract."""

from __future__ import annotations

import pytest

from mesh.stage.v1 import stage_pb2
from services.common.states import State

NAMES = {State.UNKNOWN: "STATE_UNSPECIFIED"}


@pytest.mark.parametrize("state", State)
def test_a_state_has_the_number_of_the_contract(state: State) -> None:
    assert int(stage_pb2.State.Value(NAMES.get(state, f"STATE_{state.name}"))) == int(state)


def test_the_contract_has_no_other_state() -> None:
    assert len(stage_pb2.State.keys()) == len(State)
