"""The services of another checkout of this project: what a measurement compares with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from babelmesh.local.supervisor import OPERATIONS, REFLECTION, Service

CHILDREN = ("babelmesh/local/child.py", "babelmesh/child.py")  # what starts a service, now and in earlier versions


def of(checkout: Path | None, services: Sequence[Service]) -> list[Service]:
    """The services as they are, or those of another checkout, whose stubs are built.

    An earlier version refuses settings that it does not have: those that the supervisor adds are left out there.
    """
    if checkout is None:
        return list(services)
    starter = next(each for each in CHILDREN if (checkout / each).exists()).removesuffix(".py").replace("/", ".")
    known = "".join(path.read_text() for path in (checkout / "services").rglob("settings.py"))
    unknown = {name for name in (OPERATIONS, REFLECTION) if f"    {name.partition('_')[2].lower()}:" not in known}
    code = {"PYTHONPATH": f"{checkout}:{checkout / 'gen'}", "PYTHONSAFEPATH": "1"}
    return [
        replace(
            each,
            command=[starter if word.endswith(".child") else word for word in each.command],
            variables={name: value for name, value in each.variables.items() if name not in unknown} | code,
        )
        for each in services
    ]
