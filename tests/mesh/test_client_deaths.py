"""Input that ends gateways ends two of them, not each that its session is resumed at; then it is left out by name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

import babelmesh
from babelmesh.client.events import Error, Event, Flow, TranslationResult
from services.gateway.incoming.typed import TypedSegment
from services.gateway.stages.stages import Stages
from services.gateway.values.stages import Question, Translated
from tests.mesh.mesh import gateway_address
from tests.mesh.relay import Relay, relay

pytestmark = pytest.mark.clock

KEYS = "a:" + "k" * 32
POISON = "poison " + "a " * 50


class Deaths:
    """How often a gateway ended, as its clients see it."""

    def __init__(self) -> None:
        self.count = 0
        self.relays: list[Relay] = []

    def die(self) -> None:
        self.count += 1
        for each in self.relays:
            each.cut()


@asynccontextmanager
async def three_gateways(deaths: Deaths) -> AsyncIterator[str]:
    async with AsyncExitStack() as stack:
        addresses = []
        for _ in range(3):
            own = await stack.enter_async_context(gateway_address(resume_keys=KEYS))
            address, wire = await stack.enter_async_context(relay(own))
            addresses.append(address)
            deaths.relays.append(wire)
        yield ",".join(addresses)


async def typed(addresses: str, *lines: str) -> list[Event]:
    async with babelmesh.connect(addresses) as mesh, mesh.session("en", ["es"], notice=lambda _: None) as session:
        events: list[Event] = []
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_type(session, lines))
            async for event in session:
                events.append(event)
        return events


async def _type(session: babelmesh.Session, lines: tuple[str, ...]) -> None:
    for line in lines:
        await session.send_text(line, final=True)
        await asyncio.sleep(0.3)  # people type one line after the other
    await session.end()


def translated(events: list[Event]) -> list[str]:
    return [each.text for each in events if isinstance(each, TranslationResult) and each.final]


async def test_a_line_that_ends_gateways_ends_two_and_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    deaths, extend = Deaths(), TypedSegment.extend

    def dies_of(self: TypedSegment, text: str) -> None:
        if "poison" in text:
            deaths.die()
        extend(self, text)

    monkeypatch.setattr(TypedSegment, "extend", dies_of)
    async with three_gateways(deaths) as addresses, asyncio.timeout(60):
        events = await typed(addresses, "hello", POISON, "good bye")
    assert deaths.count == 2
    assert len(translated(events)) == 2
    (named,) = [each for each in events if isinstance(each, Error)]
    assert (named.code, named.field, named.fatal) == ("INPUT_QUARANTINED", "text.text", False)
    assert "poison a a" in named.message


async def test_a_line_whose_translation_ends_gateways_is_not_translated_a_third_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deaths, translate = Deaths(), Stages.translate

    async def dies_of(self: Stages, asked: Question, *rest: Any) -> Translated:
        if "poison" in asked.text:
            await asyncio.sleep(0.1)  # the client has the transcript by then
            deaths.die()
        return await translate(self, asked, *rest)

    monkeypatch.setattr(Stages, "translate", dies_of)
    async with three_gateways(deaths) as addresses, asyncio.timeout(60):
        events = await typed(addresses, "hello", POISON, "good bye")
    assert deaths.count == 2
    assert len(translated(events)) == 2
    left_out = [less for each in events if isinstance(each, Flow) for less in each.degraded]
    assert [(less.stage, less.target_lang, less.reason, less.segment_id) for less in left_out] == [
        (babelmesh.STAGE_MT, "es", babelmesh.DEGRADED_REASON_QUARANTINED, 2)
    ]


async def test_a_link_that_breaks_again_and_again_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    deaths, extend = Deaths(), TypedSegment.extend

    def breaks(self: TypedSegment, text: str) -> None:
        if "poison" in text and deaths.count < 4:
            deaths.die()
        extend(self, text)

    monkeypatch.setattr(TypedSegment, "extend", breaks)
    async with three_gateways(deaths) as addresses, asyncio.timeout(60):
        one_address = addresses.split(",")[0]
        events = await typed(one_address, "hello", POISON, "good bye")
    assert deaths.count == 4
    assert len(translated(events)) == 3
