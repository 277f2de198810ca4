"""The parts of the command line that need the services, which are a distribution of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from babelmesh import console
from babelmesh.client.errors import ServerMissing
from babelmesh.local import supervisor
from babelmesh.models.choices import Engines, Variables


def add_models(app: typer.Typer) -> None:
    """Add the commands of `babelmesh models`; one that names what is missing where the services are not installed."""
    try:
        with _services():
            from babelmesh.cli.models import app as models  # noqa: PLC0415  # the services are read in it
    except ServerMissing:
        app.command("models", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(_no_models)
    else:
        app.add_typer(models, name="models")


def variables(engines: Engines, models: Path | None) -> Variables:
    """Return the variables for the stages of a local mesh. Raises ModelsFailed, ServerMissing."""
    with _services():
        from babelmesh.cli.models import folder  # noqa: PLC0415  # the services are read in it
        from babelmesh.models import serving  # noqa: PLC0415  # the services are read in it
    return serving.variables(engines, folder(models), supervisor.environment(), console.note)


def _no_models(arguments: Annotated[list[str] | None, typer.Argument(hidden=True)] = None) -> None:
    """Model bundles of the engines: needs the services."""
    console.fail(str(ServerMissing()))
    raise typer.Exit(ServerMissing.exit_status)


@contextmanager
def _services() -> Iterator[None]:
    """Raise ServerMissing for a module of the services that cannot be imported in the block."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "services":
            raise
        raise ServerMissing from None
