"""Runs it: `python -m services.gateway.deletion`."""

from __future__ import annotations

from collections.abc import Callable

from services.common.errors import InvalidArgument
from services.common.server.lifecycle import run
from services.gateway.deletion.servicer import DeletionServicer, Pods
from services.gateway.deletion.settings import DeletionSettings


def make() -> tuple[DeletionServicer, DeletionSettings]:
    """The service, as the environment tells. Raises ValidationError and InvalidArgument."""
    settings = DeletionSettings()
    return DeletionServicer(settings, _pods()(settings)), settings


def _pods() -> Callable[[DeletionSettings], Pods]:
    try:
        from services.gateway.deletion.pods import Pods as ApiPods  # noqa: PLC0415 - what it needs is an extra
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed: pip install 'babelmesh-server[kubernetes]'"
        raise InvalidArgument("NOT_INSTALLED", message) from error
    return ApiPods


if __name__ == "__main__":
    run("deletion", make)
