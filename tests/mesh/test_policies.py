"""What a session may ask of the policy, and what becomes of a translator that misbehaves, as a client sees it."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.mesh.checks import check
from tests.mesh.mesh import UTTERANCE, Heard, chunks, gateway, hello, loud, quiet, talk, text


def config(heard: Heard) -> pb.SessionConfig:
    (ready,) = heard.of("ready")
    agreed: pb.SessionConfig = ready.config
    return agreed


async def test_a_budget_is_spent_where_the_hello_leaves_it_open() -> None:
    async with gateway() as stub:
        small = await talk(stub, hello("es", latency_budget_ms=1000), *chunks(UTTERANCE))
        large = await talk(stub, hello("es", latency_budget_ms=4000), *chunks(UTTERANCE))
    assert config(small).latency_budget_ms == 1000
    assert config(small).stabilization == pb.STABILIZATION_FAST
    assert config(small).endpointing.trailing_silence_ms == 250
    assert config(small).targets[0].max_lag_ms == 4000
    assert config(large).stabilization == pb.STABILIZATION_AGGRESSIVE
    for heard in (small, large):
        check(heard)
        assert len(heard.finals("es")) == 1


async def test_what_the_hello_sets_itself_is_not_the_budgets() -> None:
    wanted = {"stabilization": pb.STABILIZATION_AGGRESSIVE, "endpointing": pb.Endpointing(trailing_silence_ms=700)}
    target = pb.Target(lang="es", max_lag_ms=9000)
    async with gateway() as stub:
        heard = await talk(stub, hello(target, latency_budget_ms=1000, **wanted), *chunks(UTTERANCE))
    agreed = config(heard)
    assert agreed.stabilization == pb.STABILIZATION_AGGRESSIVE
    assert agreed.endpointing.trailing_silence_ms == 700
    assert agreed.targets[0].max_lag_ms == 9000


async def test_an_interim_translation_that_outlasts_the_budget_is_left_out_and_the_final_is_not() -> None:
    late = {"slow_target": "es", "slow_ms": 400}
    async with gateway(mt=late) as stub:
        heard = await talk(stub, hello("es", latency_budget_ms=500), *chunks(loud(3) + quiet(1)))
    check(heard)
    assert not heard.of("error")
    assert len(heard.finals("es")) == 1
    assert [each.final for each in heard.of("translation")] == [True]


@pytest.mark.parametrize("policy", ["endpointed", "retranslate", "wait-2"])
async def test_the_policies_to_compare_with_keep_the_same_promises(policy: str) -> None:
    async with gateway(policy=policy) as stub:
        heard = await talk(stub, hello("es", "fr"), *chunks(UTTERANCE * 2))
        refused = await talk(stub, hello("es", stabilization=pb.STABILIZATION_FAST))
    check(heard)
    assert len(heard.finals("es")) == len(heard.finals("fr")) == 2
    concluded_early = [each for each in heard.of("translation") if each.stable_length and not each.final]
    assert bool(concluded_early) == (policy == "wait-2")
    assert refused.error().field == "hello.stabilization"


@pytest.mark.parametrize("policy", ["agreement", "retranslate"])
async def test_whole_segments_are_translated_once_each_whatever_the_servers_policy(policy: str) -> None:
    whole = hello("es", stabilization=pb.STABILIZATION_WHOLE_SEGMENTS, partial_results=False)
    async with gateway(policy=policy) as stub:
        heard = await talk(stub, whole, *chunks(UTTERANCE * 2))
    check(heard)
    assert config(heard).stabilization == pb.STABILIZATION_WHOLE_SEGMENTS
    assert [each.final for each in heard.of("translation")] == [True, True]
    assert not [each for each in heard.of("asr") if not each.final]
    assert heard.speech("es")
    first = next(each for each in heard.of("tts") if each.text)
    assert heard.finals("es")[first.segment_id - 1].startswith(first.text)


async def test_a_translation_that_runs_away_is_cut_and_told() -> None:
    words = {"quick": "ay " * 30}
    async with gateway(mt={"words": words}) as stub:
        heard = await talk(stub, hello("es"), text("The quick fox.", final=True))
    check(heard)
    assert heard.finals("es") == ["The-es ay"]
    (less,) = [less for flow in heard.of("flow") for less in flow.degraded]
    assert (less.stage, less.target_lang, less.reason, less.segment_id) == (
        pb.STAGE_MT,
        "es",
        pb.DEGRADED_REASON_RUNAWAY,
        1,
    )


async def test_a_translator_that_can_continues_what_is_concluded() -> None:
    async with gateway(mt={"continues_prefix": True}) as stub:
        heard = await talk(stub, hello("es"), *chunks(UTTERANCE * 2))
    check(heard)
    assert len(heard.finals("es")) == 2


async def test_speech_in_a_targets_own_language_passes_through_as_captions() -> None:
    same = pb.Target(lang="en", same_language=pb.SAME_LANGUAGE_PASS_THROUGH)
    async with gateway() as stub:
        heard = await talk(stub, hello("es", same), *chunks(UTTERANCE))
    check(heard)
    (lang,) = {target.lang for target in config(heard).targets} - {"es"}
    transcripts = [each.text for each in heard.of("asr") if each.final]
    assert heard.finals(lang) == transcripts
    assert heard.finals("es") != transcripts
    assert not heard.speech(lang)
    assert {end.target_lang for end in heard.of("end")} == {lang, "es", ""}


async def test_speech_in_a_targets_own_language_may_be_silence() -> None:
    same = pb.Target(lang="en", same_language=pb.SAME_LANGUAGE_SILENCE)
    async with gateway() as stub:
        heard = await talk(stub, hello("es", same), *chunks(UTTERANCE))
    check(heard)
    assert {each.target_lang for each in heard.of("translation")} == {"es"}
    assert len(heard.of("end")) == 3


async def test_a_target_in_another_language_may_say_what_it_would_do_with_its_own() -> None:
    wanted = pb.Target(lang="es", same_language=pb.SAME_LANGUAGE_PASS_THROUGH)
    async with gateway() as stub:
        heard = await talk(stub, hello(wanted), *chunks(UTTERANCE))
    check(heard)
    assert heard.speech("es")
