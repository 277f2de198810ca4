from __future__ import annotations

from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from services.gateway.settings import GatewaySettings
from services.gateway.stages.addresses import Addresses, system_lookup


@pytest.mark.parametrize(
    "accepted", ["127.0.0.1:7701", "mt:7702", "[::1]:7702", "dns:///mt.mesh:7702", "a:1, dns:///b:2 ,c:3"]
)
def test_endpoints_are_addresses_and_names(accepted: str) -> None:
    settings = GatewaySettings(mt_endpoints=accepted)
    assert settings.mt_endpoints == tuple(part.strip() for part in accepted.split(","))


@pytest.mark.parametrize(
    "refused",
    ["", "mt", "mt:", "mt:99999", "dns:///mt", "dns:///a..b:1", "dns://8.8.8.8/mt:7702", "unix:///tmp/a:1", "a:1,"],
)
def test_what_is_no_endpoint_is_refused(refused: str) -> None:
    with pytest.raises(ValidationError, match="mt_endpoints"):
        GatewaySettings(mt_endpoints=refused)


async def test_a_name_that_is_not_found_keeps_its_addresses() -> None:
    answers: list[Sequence[str] | OSError] = [OSError(), ["a:1", "b:1"], OSError(), [], ["b:1", "c:1"]]

    async def lookup(name: str, port: int) -> Sequence[str]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    addresses = Addresses(["x:9", "dns:///name:1", "b:1"], lookup)
    assert addresses.may_change
    found = [await addresses.look_up() for _ in range(5)]
    both = ["x:9", "a:1", "b:1"]
    assert found == [["x:9", "b:1"], both, both, both, ["x:9", "b:1", "c:1"]]


async def test_the_system_finds_this_machine() -> None:
    assert "127.0.0.1:7701" in await system_lookup("localhost", 7701)
    assert await system_lookup("::1", 7701) == ["[::1]:7701"]
