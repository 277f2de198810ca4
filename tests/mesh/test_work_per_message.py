"""A message of twice the size is at most twice the work, whatever its kind: counted in steps, not by a clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.resume import received
from services.gateway.values.continuation import Bond, Position
from tests.mesh.mesh import RATE, audio, control, gateway, hello, loud, talk, text
from tests.steps import counted, steps

TOLERANCE = 1.3  # of the work that one more piece of a message adds
STEADY_STEPS = 4000  # of what goes on in a gateway meanwhile

Make = Callable[[int], list[pb.ClientMessage]]


def terms(count: int) -> pb.Glossary:
    """Terms that begin alike, and are translated into some languages."""
    translations = {lang: "una palabra" for lang in ("es", "fr", "de")}
    return pb.Glossary(
        terms=[pb.GlossaryTerm(source=f"{'a ' * 20}{number:x}z", translations=translations) for number in range(count)]
    )


def tags(count: int) -> pb.Glossary:
    return pb.Glossary(terms=[pb.GlossaryTerm(source="foo", translations={f"es-x-{n:06d}": "b" for n in range(count)})])


def captions(**config: Any) -> pb.ClientMessage:
    targets = [pb.Target(lang=lang, delivery=pb.DELIVERY_CAPTIONS) for lang in ("es", "fr", "de")]
    return hello(targets=targets, **config)


# A kind, the messages that hold so many pieces of it, and how many pieces are few.
KINDS: dict[str, tuple[Make, int]] = {
    "typed text of one word": (lambda count: [captions(), text("a " * count, True)], 100),
    "typed text of sentences": (lambda count: [captions(), text("a. " * count, True)], 100),
    "typed text without spaces": (lambda count: [captions(), text("+-" * count, True)], 100),
    "typed text of accents": (lambda count: [captions(), text("a" + "\u0315\u0327" * count, True)], 200),
    "typed text that is spoken": (lambda count: [hello("es"), text("one two, " * count, True)], 20),
    "text behind text": (lambda count: [captions(), text("a " * count), text("b", True)], 100),
    "typed text of a glossary's words": (
        lambda count: [captions(glossary=terms(20)), text("a " * count, True)],
        100,
    ),
    "a hello's glossary": (lambda count: [captions(glossary=terms(count))], 40),
    "a glossary's languages": (lambda count: [captions(glossary=tags(count))], 12),
    "set_dictionary": (lambda count: [captions(), control("set_dictionary", glossary=terms(count))], 40),
    "audio": (lambda count: [captions(), audio(loud(count / 10))], 5),
    "audio of mu-law": (
        lambda count: [
            captions(input=pb.AudioFormat(format="mulaw", sample_rate=RATE)),
            audio(bytes(RATE // 10 * count), format="mulaw"),
        ],
        5,
    ),
    "targets that are refused": (lambda count: [hello(*["tlh"] * count)], 500),
    "an action that is refused": (lambda count: [captions(), control("x" * count)], 10_000),
}


@pytest.mark.parametrize(("make", "few"), KINDS.values(), ids=KINDS)
async def test_twice_the_message_is_twice_the_work(make: Make, few: int) -> None:
    made = []
    async with gateway(max_text_length=2000) as stub:
        await talk(stub, *make(few))
        for count in (few, 2 * few, 4 * few):
            with counted() as work:
                await talk(stub, *make(count))
            made.append(work.count)
    once, twice, four_times = made
    assert four_times - twice <= TOLERANCE * 2 * (twice - once) + STEADY_STEPS


def resumed(segments: int, langs: int) -> pb.SessionConfig:
    translations = [pb.ReceivedTranslation(target_lang=f"x{number}", text="hola") for number in range(langs)]
    said = [
        pb.ReceivedSegment(
            transcript=pb.AsrResult(segment_id=number + 1, final=True, text="hello", origin=pb.ORIGIN_TYPED),
            translations=translations,
        )
        for number in range(segments)
    ]
    return pb.SessionConfig(received=pb.Received(session_id="s", segments=said))


@pytest.mark.parametrize(("few", "more"), [((20, 4), (40, 4)), ((10, 20), (10, 40))], ids=["segments", "languages"])
def test_twice_as_much_received_is_twice_the_work(few: tuple[int, int], more: tuple[int, int]) -> None:
    bond, position = Bond("s", 1, "", ""), Position(0, 1, {}, 0)
    once = steps(lambda: received.continued(bond, position, resumed(*few)))
    assert steps(lambda: received.continued(bond, position, resumed(*more))) < 2.2 * once
