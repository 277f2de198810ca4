"""Runs the commands of the command line, and ends them well."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import typer

from babelmesh import console
from babelmesh.cli.naming import by_option
from babelmesh.client.errors import UNREACHABLE, BabelmeshError, SessionFailed


def run(command: Coroutine[Any, Any, None]) -> None:
    """Run a command to its end; a failure is one line and an exit status."""
    try:
        asyncio.run(_until_terminated(command))
    except BabelmeshError as error:
        console.fail(f"{by_option(error)}{_hint(error)}")
        raise typer.Exit(error.exit_status) from None
    except BrokenPipeError:
        console.close_output()  # nobody reads
        raise typer.Exit(1) from None
    except OSError as error:
        console.fail(f"{error.filename or 'The output cannot be written'}: {error.strerror or error}.")
        console.close_output()
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None


async def _until_terminated(command: Coroutine[Any, Any, None]) -> None:
    """Run a command; SIGTERM stops it as Ctrl-C does, closing everything first."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    await command


def _hint(error: BabelmeshError) -> str:
    unreachable = isinstance(error, SessionFailed) and error.code == UNREACHABLE
    return " Start one with `babelmesh up`, or name another with --server." if unreachable else ""
