"""What the versions of models that a stage serves have done: `mesh.stage.v1` as the command line asks for it."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from rich.table import Table
from rich.text import Text

from babelmesh.errors import typed_failures
from babelmesh.gateways import CHANNEL_OPTIONS
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc

ANSWER_SECONDS = 10.0


async def report(address: str) -> Sequence[stage_pb2.Version]:
    """The versions a replica of a stage serves. Raises SessionFailed when it is not there, or is no stage."""
    async with grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
        with typed_failures(address):
            told = await stage_pb2_grpc.StageStub(channel).Report(stage_pb2.ReportRequest(), timeout=ANSWER_SECONDS)
    return told.versions


def table(reports: Sequence[tuple[str, Sequence[stage_pb2.Version]]]) -> Table:
    """A row for each version, those of one language or pair after each other, with the means of what was measured."""
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
