"""Prints versions: of the software, and of a stage's models with their measures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from rich.table import Table
from rich.text import Text

from babelmesh import console
from babelmesh._stubs.mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from babelmesh.client.dialling import PLAIN, Dialling, Tls, dialling
from babelmesh.client.errors import typed_failures
from babelmesh.client.events import DescribeResponse, Stage, short_name
from babelmesh.client.gateways import CHANNEL_OPTIONS
from babelmesh.client.mesh import connect

ANSWER_SECONDS = 10.0
UNTOLD = "of an older version, which does not tell"


async def served(addresses: str, tls: Tls) -> None:
    """Print the versions of this client, of a gateway, and of the engines it uses. Raises SessionFailed."""
    async with connect(addresses, tls) as mesh:
        answer = await mesh.describe()
    for line in of_software(version("babelmesh"), answer):
        console.line(line)


async def reported(addresses: Sequence[str], tls: Tls) -> None:
    """Print the measures of the model versions that replicas of stages serve. Raises SessionFailed."""
    dial = dialling(addresses, tls)
    reports = [(address, await report(address, dial)) for address in addresses]
    if any(told for _, told in reports):
        console.show(table(reports))
    for address in [address for address, told in reports if not told]:
        console.line(f"{address} serves no model bundles.")


async def report(address: str, dial: Dialling = PLAIN) -> Sequence[stage_pb2.Version]:
    """Return the versions that a stage's replica serves. Raises SessionFailed when it is unreachable, or is no
    stage.
    """
    async with dial.channel(address, CHANNEL_OPTIONS) as channel:
        with typed_failures(address):
            told = await stage_pb2_grpc.StageStub(channel).Report(stage_pb2.ReportRequest(), timeout=ANSWER_SECONDS)
    return told.versions


def of_software(own: str, answer: DescribeResponse) -> list[str]:
    """Return lines with the versions of this client, of a server, and of the server's engines."""
    engines = [f"{short_name(Stage, each.stage)}: {each.engine} {each.version}".rstrip() for each in answer.engines]
    return [f"client: babelmesh {own}", f"server: babelmesh {answer.server_version or UNTOLD}", *engines]


def table(reports: Sequence[tuple[str, Sequence[stage_pb2.Version]]]) -> Table:
    """Return a table with a row per version, grouped by language or pair, with the means of its measures."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("replica", "serves", "version"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("share", "calls", "failed"):
        shown.add_column(heading, justify="right")
    for address, versions in reports:
        for each in versions:
            counts = (f"{each.share:.0%}", str(each.calls), str(each.failures))
            shown.add_row(address, each.serves, f"{each.bundle}@{each.version}", *counts)
            for measure in each.measures:
                shown.add_row("", "", Text(f"  {measure.name} {measure.mean:.3g}", style="dim"))
    return shown
