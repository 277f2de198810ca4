"""Handles that must not open a session: each is refused with its own reason, and the good one is taken.

    python -m bench.chaos.handles [--short] [--keep FOLDER]

Two gateways that read each other's handles; those of the second are good for a second only.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babelmesh.client.events import AudioFormat, SessionConfig
from bench.chaos import raw
from bench.chaos.fleet import Fleet, Plan, fleet
from bench.chaos.scene import Outcome, folder, options, play
from bench.chaos.talking import Wishes
from bench.measuring.report import Rows, at_most
from realtime.v1.realtime_translate_pb2 import TURN_TAKING_CONSECUTIVE, Received, Target
from services.common.audio.pcm import ASR_RATE

SPEAK_MS = 6_000
TTL_MS = 1_000


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was, and the handles it gave out."""

    session_id: str
    handles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A hello, and the code it is to be refused with; empty: it is to be taken."""

    name: str
    hello: SessionConfig
    code: str = ""


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    told = options(__doc__)
    play("handles", told, scene(told))


async def scene(told: argparse.Namespace) -> Outcome:
    """One hello after the other."""
    rows = Rows("Handles", ("handle", "expected", "answer", "status"))
    wrong = 0
    only = {"gateway-2": {"GATEWAY_RESUME_TTL_MS": str(TTL_MS)}}
    with folder(told) as kept:
        async with fleet(Plan(asr=1, mt=1, tts=1, gateways=2, only=only), Path(kept) / "mesh") as up:
            for case in await cases(up):
                code, status = await tried(up[up.names("gateway")[0]].address, case.hello)
                wrong += code != case.code or status != ("INVALID_ARGUMENT" if case.code else "")
                rows.add(case.name, case.code or "ready", code or "ready", status)
    return Outcome([rows], {"handles.wrong": at_most(wrong, 0), "handles.untried": at_most(int(not rows.rows), 0)})


async def cases(up: Fleet) -> list[Case]:
    """What is tried, in an order in which no case spoils another's."""
    first, second = (up[name].address for name in up.names("gateway"))
    mine, other, old = await opened(first, 1), await opened(first, 2), await opened(second, 3)
    await asyncio.sleep(2 * TTL_MS / 1000)
    newest = mine.handles[-1]
    return [
        Case("garbage", hello("not a handle"), "RESUME_UNREADABLE"),
        Case("truncated", hello(newest[: len(newest) // 2]), "RESUME_UNREADABLE"),
        Case("its signature changed", hello(newest[:-4] + swapped(newest[-4:])), "RESUME_FORGED"),
        Case("signed with another key", hello(signed_by_us(newest)), "RESUME_FORGED"),
        Case("expired", hello(old.handles[-1]), "RESUME_EXPIRED"),
        Case("another session's", received(mine, other.handles[-1]), "RESUME_OTHER_SESSION"),
        Case("taking turns", hello(newest, turn_taking=TURN_TAKING_CONSECUTIVE), "RESUME_OTHER_CONFIG"),
        Case("other audio", hello(newest, input=AudioFormat(format="mulaw", sample_rate=8_000)), "RESUME_OTHER_CONFIG"),
        Case("received without a handle", received(mine, ""), "RECEIVED_WITHOUT_RESUME"),
        Case("the newest", received(mine, newest)),
        Case("reused", hello(mine.handles[0]), "RESUME_REUSED"),
        Case("another session's newest", received(other, other.handles[-1])),
    ]


async def opened(address: str, speaker: int) -> Opened:
    """Speaks for a while; what the session gave out by then."""
    handles: list[str] = []
    session_id = ""

    async def read(made: raw.Call) -> None:
        nonlocal session_id
        while message := await raw.answer(made):
            session_id = message.ready.session_id or session_id
            handles.extend(
                filter(None, (message.ready.resume_handle, message.ack.resume_handle, message.go_away.resume_handle))
            )

    async with raw.call(address, hello()) as made, asyncio.TaskGroup() as group:
        reading = group.create_task(read(made))
        async for position in raw.speak(made, speaker):
            if position * 1000 // ASR_RATE >= SPEAK_MS:
                break
        reading.cancel()
    return Opened(session_id, tuple(handles) or ("",))


async def tried(address: str, config: SessionConfig) -> tuple[str, str]:
    """The code of a refusal, and the call's status; both empty for one that was let in, and has said something."""
    async with raw.call(address, config) as made:
        message = await raw.answer(made)
        if message is None or not message.HasField("ready"):
            code = message.error.code if message else ""
            await made.done_writing()
            return code, (await made.code()).name
        start = message.ready.resume_offset_ms * ASR_RATE // 1000
        async for position in raw.speak(made, 1, start):
            if position > start + ASR_RATE:
                break
        return "", ""


def hello(resume: str = "", **instead: Any) -> SessionConfig:
    """As every session here says it, but for the fields that are given."""
    config = Wishes().hello()
    config.MergeFrom(SessionConfig(source_lang="en", resume_handle=resume, targets=[Target(lang="ca")], **instead))
    return config


def received(session: Opened, resume: str) -> SessionConfig:
    """A hello of one who says which session it was."""
    config = hello(resume)
    config.received.CopyFrom(Received(session_id=session.session_id))
    return config


def swapped(text: str) -> str:
    """Other letters of the same alphabet."""
    return "".join("A" if letter != "A" else "B" for letter in text)


def signed_by_us(handle: str) -> str:
    """The same claims under a key of our own."""
    content = handle.rpartition(".")[0]
    signature = hmac.new(b"a key that no gateway has ever had", content.encode(), hashlib.sha256).digest()
    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


if __name__ == "__main__":
    main()
