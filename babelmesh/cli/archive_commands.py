"""The commands of `babelmesh archive`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babelmesh.cli.archive import Chosen, Form, Office, deleted, exported, listed, verified
from babelmesh.cli.flags import Ca, Certificate
from babelmesh.cli.options import tls_of
from babelmesh.cli.running import run
from babelmesh.client.mesh import OPERATIONS_ADDRESS

app = typer.Typer(help="What a gateway keeps of sessions: for those who answer for it.", no_args_is_help=True)

VARIABLE = "BABELMESH_OPERATOR"
At = Annotated[str, typer.Option("--server", metavar="HOST:PORT", help="Operators' port of a gateway.")]
By = Annotated[
    str, typer.Option("--operator", envvar=VARIABLE, metavar="NAME:SECRET", help="Who asks.", show_default=False)
]
Tenant = Annotated[str | None, typer.Option(metavar="NAME", help="Of this tenant alone; '' for calls of none.")]
Session = Annotated[str, typer.Option("--session", metavar="NAME", help="This session alone.")]
Subject = Annotated[str, typer.Option(metavar="NAME", help="Sessions about this person alone.")]


@app.command("list")
def list_sessions(  # noqa: PLR0913, PLR0917  # a command line's options
    tenant: Tenant = None,
    session: Session = "",
    subject: Subject = "",
    operator: By = "",
    server: At = OPERATIONS_ADDRESS,
    ca: Ca = None,
    certificate: Certificate = None,
) -> None:
    """List the calls of sessions that are kept, a line of JSON each."""
    run(listed(Office(server, operator, tls_of(ca, certificate)), Chosen(tenant, session, subject)))


@app.command()
def export(  # noqa: PLR0913, PLR0917  # a command line's options
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Name of a session.")],
    operator: By = "",
    form: Annotated[Form, typer.Option("--as", help="Form of the texts.")] = Form.JSON,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files.")] = Path("out"),
    server: At = OPERATIONS_ADDRESS,
    ca: Ca = None,
    certificate: Certificate = None,
) -> None:
    """Write what is kept of a session into files: its texts, and its audio where that is kept."""
    run(exported(Office(server, operator, tls_of(ca, certificate)), Chosen(session_id=session), form, out))


@app.command()
def delete(  # noqa: PLR0913, PLR0917  # a command line's options
    operator: By = "",
    tenant: Tenant = None,
    session: Session = "",
    subject: Subject = "",
    receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="File for the receipt.")] = None,
    server: At = OPERATIONS_ADDRESS,
    ca: Ca = None,
    certificate: Certificate = None,
) -> None:
    """Delete sessions for good, keys first: by tenant, session or person, or what fits all of them."""
    run(deleted(Office(server, operator, tls_of(ca, certificate)), Chosen(tenant, session, subject), receipt))


@app.command()
def verify(
    operator: By = "",
    head: Annotated[str, typer.Option(metavar="HEAD", help="Head of the audit log, as told before.")] = "",
    receipt: Annotated[Path | None, typer.Option(metavar="FILE", help="A receipt to check.")] = None,
    server: At = OPERATIONS_ADDRESS,
    ca: Ca = None,
    certificate: Certificate = None,
) -> None:
    """Check the audit log and every session; fails where something was altered."""
    run(verified(Office(server, operator, tls_of(ca, certificate)), head, receipt))
