from __future__ import annotations

import pytest
from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from services.common.settings import StageSettings


class ExampleSettings(StageSettings):
    model_config = SettingsConfigDict(env_prefix="EXAMPLE_")
    depth: int = Field(3, ge=1)


def test_variables_with_the_prefix_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_DEPTH", "5")
    monkeypatch.setenv("EXAMPLE_ENGINE", "scripted")
    settings = ExampleSettings()
    assert (settings.depth, settings.engine, settings.slots) == (5, "scripted", 8)


def test_a_variable_that_nothing_reads_is_refused_with_the_names_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_DEEPNESS", "5")
    with pytest.raises(ValidationError, match=r"EXAMPLE_DEEPNESS is not a setting.*EXAMPLE_DEPTH"):
        ExampleSettings()


@pytest.mark.parametrize(("name", "value"), [("DEPTH", "0"), ("DEPTH", "deep"), ("SLOTS", "0"), ("LOG_LEVEL", "LOUD")])
def test_a_value_out_of_bounds_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"EXAMPLE_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        ExampleSettings()


@pytest.mark.parametrize(
    "name", ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_7701_TCP", "PORT_7701_TCP_ADDR"]
)
def test_the_addresses_kubernetes_sets_are_no_settings(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"EXAMPLE_{name}", "tcp://192.0.2.1:7701")
    assert ExampleSettings().depth == 3


def test_a_port_that_is_no_address_is_no_link_of_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "8000")
    with pytest.raises(ValidationError, match="EXAMPLE_PORT is not a setting"):
        ExampleSettings()
