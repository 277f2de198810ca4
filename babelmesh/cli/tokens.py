"""The token that the commands are authorized by, and `babelmesh token`, which makes one for development.

A token comes from a file or from the environment, never from an argument: arguments are everybody's to read.
"""

from __future__ import annotations

import os
import shlex
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

import typer

from babelmesh import console
from babelmesh.cli import server_part
from babelmesh.client.errors import BabelmeshError, TokenUnusable
from babelmesh.client.tokens import Bearer, Metadata, Token

VARIABLE = "BABELMESH_TOKEN"
_MOST_BYTES = 16 * 1024
_file: ContextVar[Path | None] = ContextVar("token_file", default=None)
app = typer.Typer()

File = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help=f"File with the token to show to the mesh, read again when it expires; without it, ${VARIABLE}.",
    ),
]


def use(path: Path | None) -> None:
    """Have the commands that follow read their token from a file, where one is named."""
    _file.set(path)


def chosen() -> Token | None:
    """Return the token to connect with: a function that reads the file, or that of the environment, or none."""
    if path := _file.get():
        return lambda: _read(path)
    return os.environ.get(VARIABLE, "").strip() or None


async def metadata(address: str) -> Metadata:
    """Return what a call carries of the token. Raises TokenUnusable or AddressUnusable."""
    bearer = Bearer(chosen())
    bearer.require_private([address])
    return await bearer.authorized(())


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TokenUnusable(f"{path} is too large for a token.")
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise TokenUnusable(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeError:
        raise TokenUnusable(f"{path} holds no token.") from None


@app.command("token")
def token(  # noqa: PLR0913, PLR0917  # a command line's options
    tenant: Annotated[str, typer.Option(help="Tenant that it is for.")],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Private key; made, with FILE.jwks, where it is missing.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it allows; all but operate unless named.")] = None,
    expires: Annotated[str, typer.Option(metavar="TIME", help="How long it lives: 90s, 15m, at most 1h.")] = "15m",
    subject: Annotated[str, typer.Option(help="Who will show it.")] = "developer",
    issuer: Annotated[str, typer.Option(help="GATEWAY_TOKENS_ISSUER of the gateway.")] = "development",
    audience: Annotated[str, typer.Option(help="GATEWAY_TOKENS_AUDIENCE of the gateway.")] = "babelmesh",
    language: Annotated[
        list[str] | None, typer.Option(metavar="LANG", help="Language it grants; all unless named.")
    ] = None,
    voice: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Voice it grants; all unless named.")] = None,
    quota: Annotated[str, typer.Option(metavar="CLASS", help="Quota class of the tenant.")] = "",
    room: Annotated[str, typer.Option(metavar="NAME", help="Only room it is for; any unless named.")] = "",
    role: Annotated[str, typer.Option(metavar="ROLE", help="Highest role in rooms; moderator unless named.")] = "",
) -> None:
    """Make a token for development, and print it; its key is for a gateway of your own alone."""
    made = not key.exists()
    try:
        with server_part.services_needed():
            from babelmesh.cli import issuing  # noqa: PLC0415  # what signs comes with the services
        allowed, seconds = issuing.scopes(scope or ()), issuing.seconds(expires)
        bounds = (language or (), voice or (), quota, room, issuing.role(role))
        claims = issuing.Claims(issuer, audience, tenant, subject, allowed, seconds, *bounds)
        console.line(issuing.issued(issuing.development_key(key), claims))
    except BabelmeshError as error:
        console.fail(str(error))
        raise typer.Exit(error.exit_status) from None
    if made:
        keys, name = shlex.quote(str(issuing.jwks_path(key))), shlex.quote(issuer)
        console.note(f"New key: {key}. Start the gateway with GATEWAY_TOKENS_JWKS={keys} GATEWAY_TOKENS_ISSUER={name}")
