"""The parts of the command line that need the services, which are a distribution of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from babelmesh import console
from babelmesh.client.errors import ServerMissing
from babelmesh.local import supervisor
from babelmesh.models.choices import Engines, Variables

_BROUGHT = ("services", "jwt", "cryptography")
_MODELS = "models"


class Commands(TyperGroup):
    """The commands of `babelmesh`. Those of `models` are imported when they are asked for, as that takes a while."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order of the help."""
        return [*super().list_commands(ctx), _MODELS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name; None where there is none."""
        return _models() if cmd_name == _MODELS else super().get_command(ctx, cmd_name)


@cache
def _models() -> Any:
    """Return `babelmesh models`: a command that names what is missing, where the services are not installed."""
    try:
        with services_needed():
            from babelmesh.cli.models import app  # noqa: PLC0415  # the services are read in it
    except ServerMissing:
        app = typer.Typer(add_completion=False)
        app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(_no_models)
    command = typer.main.get_command(app)
    command.name = _MODELS
    return command


def variables(engines: Engines, models: Path | None) -> Variables:
    """Return the variables for the stages of a local mesh. Raises ModelsFailed, ServerMissing."""
    with services_needed():
        from babelmesh.cli.models import folder  # noqa: PLC0415  # the services are read in it
        from babelmesh.models import serving  # noqa: PLC0415  # the services are read in it
    return serving.variables(engines, folder(models), supervisor.environment(), console.note)


def _no_models(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Model bundles of the engines: needs the services."""
    console.fail(str(ServerMissing()))
    raise typer.Exit(ServerMissing.exit_status)


@contextmanager
def services_needed() -> Iterator[None]:
    """Raise ServerMissing for a module of the services, or that they bring along, which the block cannot import."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _BROUGHT:
            raise
        raise ServerMissing from None
