from __future__ import annotations

import io

from rich.console import Console

from babelmesh.cli.describe import table
from realtime.v1 import realtime_translate_pb2 as pb


def _shown(mesh: pb.DescribeResponse) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=80)
    with console.capture() as captured:
        console.print(table(mesh))
    return [line.split() for line in captured.get().splitlines()]


def test_engines_are_told_with_what_they_compute_on() -> None:
    mesh = pb.DescribeResponse(
        engines=[
            pb.EngineInfo(stage=pb.STAGE_ASR, engine="embedded", version="5.1"),
            pb.EngineInfo(stage=pb.STAGE_MT, engine="onnx", version="2", device="cuda: NVIDIA H100"),
        ]
    )
    shown = _shown(mesh)
    assert ["engines", "ASR", "embedded", "5.1"] in shown
    assert ["MT", "onnx", "2", "on", "cuda:", "NVIDIA", "H100"] in shown


def test_pairs_are_told_by_source_and_voices_by_language_default_first() -> None:
    mesh = pb.DescribeResponse(
        pairs=[pb.LanguagePair(source_lang="en", target_lang=target) for target in ("gl", "es")],
        voices=[
            pb.Voice(name="ana", lang="es-419"),
            pb.Voice(name="zoe", lang="es-419", default=True),
            pb.Voice(name="jan", lang="nl", default=True),
        ],
    )
    shown = _shown(mesh)
    assert ["en", "into", "es,", "gl"] in shown
    assert ["es-419", "voices", "zoe,", "ana"] in shown
    assert ["more", "voices", "1,", "of", "languages", "nothing", "is", "translated", "into"] in shown


def test_a_pair_that_takes_several_steps_is_told_with_who_takes_them() -> None:
    steps = [
        pb.TranslationStep(source_lang="en", target_lang="pt", engine="firefox"),
        pb.TranslationStep(source_lang="pt", target_lang="es", engine="embedded"),
    ]
    direct = pb.LanguagePair(source_lang="en", target_lang="pt", steps=steps[:1])
    shown = _shown(
        pb.DescribeResponse(pairs=[direct, pb.LanguagePair(source_lang="en", target_lang="es", steps=steps)])
    )
    assert ["in", "steps", "en", "into", "es:", "en", ">", "pt", ">", "es", "(firefox,", "embedded)"] in shown
    assert not any("pt:" in line for line in shown)


def test_languages_that_are_recognized_badly_at_8_khz_are_told() -> None:
    mesh = pb.DescribeResponse(source_langs=["en-US", "es"], wideband_langs=["en-US"])
    assert ["needs", "16", "kHz", "en-US"] in _shown(mesh)
    assert not any(line[:1] == ["needs"] for line in _shown(pb.DescribeResponse(source_langs=["es"])))
