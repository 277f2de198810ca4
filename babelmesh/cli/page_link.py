"""Tells people where the page of a local mesh is: its link, a code for phones, and what their browsers will say."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from types import ModuleType
from typing import Never

import typer
from rich.text import Text

from babelmesh import console
from babelmesh.cli.server_part import services_needed
from babelmesh.client.errors import BabelmeshError, MeshFailed, OutputUnwritable
from babelmesh.local import edge, supervisor
from babelmesh.local.edge import Front

RENEW_SECONDS = 86_400.0
MISSING = "There is no page for browsers: pip install 'babelmesh-server[edge]'."
_DATA = ".local/share"  # XDG Base Directory Specification: where XDG_DATA_HOME is not set


def wanted(port: int, tls: bool, host: str) -> Front | None:
    """Return what `front` returns; ends the command where it raises. Raises typer.BadParameter."""
    if host and not tls:
        raise typer.BadParameter("other machines are served over TLS alone; add --tls", param_hint="--host")
    try:
        return front(port, tls, host)
    except BabelmeshError as error:
        console.fail(str(error))
        raise typer.Exit(error.exit_status) from None


def front(port: int, tls: bool, host: str) -> Front | None:
    """Return where the page is served: at loopback, or by HTTPS at this machine's address; None for nowhere.

    Raises MeshFailed where that cannot be, OutputUnwritable where the certificate cannot be kept.
    """
    if not port:
        return None
    if not edge.is_installed():
        if tls:
            raise MeshFailed(MISSING)
        console.note(MISSING)
        return None
    if not tls:
        return Front(port)
    signing = _signing()
    if not (address := host or signing.own_address()):
        raise MeshFailed("This machine has no address in a network: `babelmesh up --tls --host ADDRESS` names one.")
    pair = signing.kept(_folder(), signing.names(address))
    return Front(port, address, pair.certificate, pair.key)


async def keep(front: Front) -> Never:
    """Renew the page's certificate before it ends, until cancelled; the edge takes a new one by itself."""
    signing = _signing()
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await asyncio.to_thread(signing.kept, _folder(), signing.names(front.host))
        except OutputUnwritable as error:
            console.note(f"The page's certificate cannot be renewed. {error}")


def tell(front: Front) -> None:
    """Print the page's link; by HTTPS also its code, and what to do about the browser's warning."""
    console.line(f"edge     {front.link} for browsers; its WebSocket and REST: docs/edge.md")
    console.line(f"         {front.link}operator on this machine, for those who run it: sessions, lag, slots, live")
    if front.certificate is None or front.key is None:
        return
    if console.out.is_terminal and console.out.encoding.startswith("utf"):
        console.show(Text(code(front.link), style="bright_white on black"))
    fingerprint = _signing().Pair(front.certificate, front.key).fingerprint
    for line in (
        "Phones in this network reach it, too: point a camera at the code, or type the link. The browser will warn",
        "that the connection is not private: this machine signed the certificate itself, so nobody else vouches for",
        "it. What is sent is encrypted all the same. Go on by Advanced and Proceed (Safari: Show Details, visit this",
        f"website), once for each device. The certificate's SHA-256, to compare: {fingerprint[:23]} ...",
        "Whoever is in this network can use the page while it runs.",
    ):
        console.note(line)


def code(link: str) -> str:
    """Return a link as a QR code of half blocks, to be shown light on dark."""
    import segno  # noqa: PLC0415  # of the edge's extra

    drawn = io.StringIO()
    segno.make(link, error="m", micro=False).terminal(out=drawn, compact=True, border=2)
    return drawn.getvalue().rstrip()


def _signing() -> ModuleType:
    """Return the module that signs, which needs what the services bring. Raises ServerMissing."""
    with services_needed():
        from babelmesh.cli import self_signed  # noqa: PLC0415  # the services bring cryptography
    return self_signed


def _folder() -> Path:
    data = supervisor.environment().get("XDG_DATA_HOME") or Path.home() / _DATA
    return Path(data) / "babelmesh" / "page"
