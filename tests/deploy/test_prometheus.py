"""A real Prometheus, on every metric of the schema and on a mesh: each panel and each alert has data."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from babelmesh.local import supervisor
from tests.deploy.prometheus import Prometheus, filled, scraping, until
from tests.deploy.sessions import eventful

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(240)]

EXPOSITION = "tests.deploy.exposition"


@pytest.fixture(autouse=True)
def _only_when_asked_for(request: pytest.FixtureRequest) -> None:
    if "deploy" not in request.config.option.markexpr:
        pytest.skip("runs with -m deploy")


async def test_every_expression_has_data_where_every_metric_is_told(tmp_path: Path) -> None:
    (port,) = supervisor.unused_ports(1)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", EXPOSITION, str(port))
    try:
        async with scraping([f"127.0.0.1:{port}"], tmp_path) as prometheus:
            assert not await filled(prometheus)
            await check_rules(prometheus)
    finally:
        process.kill()
        await process.wait()


async def test_every_panel_and_alert_has_data_of_a_mesh_at_work(tmp_path: Path) -> None:
    async with eventful(tmp_path) as targets, scraping(targets, tmp_path) as prometheus:
        assert not await filled(prometheus, seconds=90)
        await check_rules(prometheus)


async def check_rules(prometheus: Prometheus) -> None:
    """Prometheus could evaluate every rule."""

    async def healthy(found: Prometheus) -> bool:
        return not await found.unhealthy_rules()

    try:
        await until(prometheus, healthy)
    except TimeoutError:
        pytest.fail("\n".join(await prometheus.unhealthy_rules()))
