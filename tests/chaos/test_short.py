"""The short form of the chaos suite: real processes, a few kills, and a ledger of all that was sent and received."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.chaos import checks, node
from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.ledger import read_all
from bench.chaos.talking import Load

pytestmark = pytest.mark.clock

SPEAK_SECONDS = 3.0  # more than an utterance
SETTLE_SECONDS = 2.0  # for who was struck to be in the middle of things again


async def test_undisturbed_sessions_check_clean(tmp_path: Path) -> None:
    ledgers = tmp_path / "ledgers"
    async with fleet(Plan(asr=1, mt=1, tts=1), tmp_path / "mesh") as up, Load(3).at(up.address, ledgers):
        await asyncio.sleep(SPEAK_SECONDS)
    found = checks.check(read_all(ledgers))
    assert found.segments >= 3
    assert not any(found.counts().values()), found.faults


@pytest.mark.skipif(bool(node.missing()), reason=node.missing())
async def test_undisturbed_sessions_of_an_independent_client_check_clean(tmp_path: Path) -> None:
    ledgers = tmp_path / "ledgers"
    plan = Plan(asr=1, mt=1, tts=1)
    async with fleet(plan, tmp_path / "mesh") as up, node.node_sessions(up.address, ledgers, 3):
        await asyncio.sleep(SPEAK_SECONDS)
    report = await node.audited(ledgers)
    assert report["segments"] >= 3
    assert not any(report["faults"].values()), report["faults"]


async def test_no_concluded_word_is_lost_or_said_twice_when_replicas_and_a_gateway_are_killed(tmp_path: Path) -> None:
    ledgers = tmp_path / "ledgers"
    async with fleet(Plan(gateways=2), tmp_path / "mesh") as up, Load(4).at(up.address, ledgers) as company:
        await asyncio.sleep(SPEAK_SECONDS)
        for name in ("asr-1", "mt-1", "tts-2", "gateway-1", "asr-2"):
            await _killed(up, name)
            company.ping(name)
            await asyncio.sleep(SETTLE_SECONDS)
    found = checks.check(read_all(ledgers))
    assert found.segments >= 4
    assert not any(found.counts().values()), found.faults


async def _killed(up: Fleet, name: str) -> None:
    """Kills one, once all others of its kind can take over."""
    await up.serving(up.names(name.rsplit("-", 1)[0]))
    up[name].kill()
