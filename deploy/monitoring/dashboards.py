"""The dashboards. Each metric they ask for is in services/common/telemetry/metrics.toml; a test holds them to it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from deploy.monitoring import mesh, session, stage
from deploy.monitoring.panels import Dashboard

DASHBOARDS: Mapping[str, Dashboard] = {
    "overview": mesh.DASHBOARD,
    "stage": stage.DASHBOARD,
    "session": session.DASHBOARD,
}


def written() -> dict[str, str]:
    """The dashboards' files, by name."""
    return {name: json.dumps(each.json(), indent=1, ensure_ascii=False) + "\n" for name, each in DASHBOARDS.items()}
