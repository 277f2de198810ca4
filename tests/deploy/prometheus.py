"""A real Prometheus for a block: it scrapes each second, with the rules as they are."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from babelmesh.local.supervisor import unused_ports
from tests.deploy.monitored import RULES, Query, panel_queries, rule_queries
from tests.deploy.promql import chosen, uncompared

STAGES = ("asr", "mt", "tts")
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Its HTTP API."""

    address: str

    async def get(self, path: str, **asked: str) -> Any:
        """What it answers. Raises URLError."""
        return await asyncio.to_thread(_get, f"http://{self.address}{path}?{urlencode(asked)}")

    async def values(self, expression: str) -> list[float]:
        """Of an expression, now; what is not a number does not count."""
        found = (await self.get("/api/v1/query", query=expression))["data"]["result"]
        return [value for value in (float(each["value"][1]) for each in found) if not math.isnan(value)]

    async def has_data(self, query: Query) -> bool:
        """Whether an expression has any, without its thresholds; with one of the stages, where it asks for one."""
        stages = STAGES if "$stage" in query.expression else STAGES[:1]
        asked = [uncompared(chosen(query.expression, stage)) for stage in stages]
        return any([await self.values(each) for each in asked])

    async def unhealthy_rules(self) -> list[str]:
        """Those it could not evaluate, or has not yet."""
        groups = (await self.get("/api/v1/rules"))["data"]["groups"]
        return [f"{rule['name']}: {rule}" for group in groups for rule in group["rules"] if rule["health"] != "ok"]


def _get(url: str) -> Any:
    with urlopen(url, timeout=60) as answer:
        body = answer.read()
    return json.loads(body) if body.startswith(b"{") else body


@asynccontextmanager
async def scraping(targets: Iterable[str], folder: Path) -> AsyncIterator[Prometheus]:
    """One that scrapes the targets; what it says is in folder/prometheus.log."""
    (port,) = unused_ports(1)
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                "rule_files": [str(path) for path in RULES],
                "scrape_configs": [{"job_name": "babelmesh", "static_configs": [{"targets": list(targets)}]}],
            }
        )
    )
    address = f"127.0.0.1:{port}"
    command = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'series'}", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("w") as log:
        process = await asyncio.create_subprocess_exec("prometheus", *command, stdout=log, stderr=log)
        prometheus = Prometheus(address)
        try:
            await until(prometheus, lambda found: found.values("up == 1"))
            yield prometheus
        finally:
            process.terminate()
            await process.wait()


async def until(prometheus: Prometheus, wanted: Callable[[Prometheus], Any], seconds: float = PATIENCE_SECONDS) -> None:
    """Waits until Prometheus answers, and what is wanted of it is true."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await wanted(prometheus):
                    return
            except URLError:
                pass  # it is still starting
            await asyncio.sleep(0.5)


async def filled(prometheus: Prometheus, seconds: float = PATIENCE_SECONDS) -> list[str]:
    """Waits until every expression of rules and panels has had data; the places of those that never had any."""
    missing = [*rule_queries(), *panel_queries()]

    async def none_is_missing(found: Prometheus) -> bool:
        missing[:] = [query for query in missing if not await found.has_data(query)]
        return not missing

    with suppress(TimeoutError):
        await until(prometheus, none_is_missing, seconds)
    return sorted({query.place for query in missing})
