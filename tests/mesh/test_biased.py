"""A recognizer that can be told of terms hears those of the session's glossary, whenever that changes."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.checks import check
from tests.mesh.mesh import UTTERANCE, chunks, control, gateway, hello, talk
from tests.mesh.test_recognizer_lost import recognizers
from tests.mesh.test_voice import Live, live

__all__ = ["live"]

MISHEARD = {"text": "fox", "mishears": {"fox": "folks"}}
FOX = pb.Glossary(terms=[pb.GlossaryTerm(source="fox")])


def words(texts: list[str]) -> list[set[str]]:
    return [{word.lower().strip(".") for word in text.split()} for text in texts]


async def test_terms_of_the_glossary_are_heard() -> None:
    async with gateway(asr=MISHEARD) as stub:
        without = await talk(stub, hello("es"), *chunks(UTTERANCE))
        with_terms = await talk(stub, hello("es", glossary=FOX), *chunks(UTTERANCE))
        told = await stub.Describe(pb.DescribeRequest())
    assert words(without.transcripts()) == [{"folks"}]
    assert words(with_terms.transcripts()) == [{"fox"}]
    assert [engine.follows_glossary for engine in told.engines if engine.stage == pb.STAGE_ASR] == [True]


async def test_another_glossary_counts_from_the_next_segment_on(live: Live) -> None:
    async with gateway(asr=MISHEARD) as stub, live.session(stub, hello("es")) as call:
        for glossary in (None, FOX, pb.Glossary()):
            if glossary is not None:
                await call.write(control("set_dictionary", glossary=glossary))
            await live.speak(UTTERANCE)
            await live.done()
    check(live.heard)
    assert words(live.heard.transcripts()) == [{"folks"}, {"fox"}, {"folks"}]


async def test_a_recognizer_that_takes_over_is_told_of_them(live: Live) -> None:
    async with (
        recognizers(2, **MISHEARD) as replicas,
        gateway(asr_endpoints=tuple(replicas.addresses)) as stub,
        live.session(stub, hello("es", glossary=FOX)),
    ):
        await live.speak(UTTERANCE)
        await live.done()
        await replicas.ends[await replicas.busy()].aclose()
        await live.speak(UTTERANCE)
        await live.done()
    check(live.heard)
    assert words(live.heard.transcripts()) == [{"fox"}, {"fox"}]
