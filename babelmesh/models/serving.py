"""Which engine each stage of a local mesh runs, and on which of the bundles that are installed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum

from babelmesh.errors import ModelsFailed
from babelmesh.models.catalogue import catalogue
from babelmesh.models.folder import Installed, Models

ENGINES = {"asr": ("onnx", "sherpa"), "mt": ("onnx",), "tts": ("onnx",)}  # those on bundles, the first preferred

Variables = Mapping[str, Mapping[str, str]]  # of the environment, by stage


class Engines(StrEnum):
    """What a mesh can be run on."""

    EMBEDDED = "embedded"
    NEURAL = "neural"
    SCRIPTED = "scripted"


def variables(engines: Engines, models: Models, told: Collection[str], tell: Callable[[str], None]) -> Variables:
    """What the stages' services are to be told. A stage whose engine a variable in `told` chooses is left alone.

    Raises ModelsFailed when a stage has no bundle, or two that would share its sessions without anybody having said so.
    """
    open_stages = [stage for stage in ENGINES if f"{stage.upper()}_ENGINE" not in told]
    if engines is not Engines.NEURAL:
        return {stage: {f"{stage.upper()}_ENGINE": engines.value} for stage in open_stages}
    found, faults = models.installed()
    for fault in faults:
        tell(f"Left out: {fault}")
    chosen = {stage: _chosen(stage, _newest(found, stage), told, tell) for stage in open_stages}
    missing = [stage for stage, those in chosen.items() if those is None]
    if missing:
        raise ModelsFailed(f"{' '.join(_missing(stage) for stage in missing)} `babelmesh models list` shows more.")
    return {stage: those for stage, those in chosen.items() if those}


def _chosen(
    stage: str, installed: Sequence[Installed], told: Collection[str], tell: Callable[[str], None]
) -> Mapping[str, str] | None:
    """The variables of one stage; None when there is nothing to serve."""
    for engine in ENGINES[stage]:
        name = f"{stage.upper()}_{engine.upper()}__BUNDLES"
        if name in told:
            return {f"{stage.upper()}_ENGINE": engine}
        if those := [each for each in installed if each.manifest.engine == engine]:
            _check_overlap(stage, those, name)
            for each in installed:
                tell(f"{stage}: {each.title}{'' if each in those else ' is left out, it is for another engine'}")
            paths = json.dumps([str(each.bundle.folder.resolve()) for each in those])
            return {f"{stage.upper()}_ENGINE": engine, name: paths}
    return None


def _newest(found: Sequence[Installed], stage: str) -> list[Installed]:
    """Of each name what was installed last."""
    newest: dict[str, Installed] = {}
    for each in found:
        other = newest.get(each.manifest.name)
        if each.manifest.stage == stage and (other is None or each.placed > other.placed):
            newest[each.manifest.name] = each
    return list(newest.values())


def _check_overlap(stage: str, those: Sequence[Installed], name: str) -> None:
    """Voices of one language are told apart by their names; recognizers and translators would share the sessions."""
    first: dict[str, Installed] = {}
    for each in those if stage != "tts" else ():
        for serves in each.manifest.serves:
            other = first.setdefault(serves, each)
            if other is not each:
                both = f"{other.title} and {each.title} both serve {serves}."
                raise ModelsFailed(f"{both} Name those to serve in {name}, with weights if they are to share sessions.")


def _missing(stage: str) -> str:
    example = next(entry.name for entry in catalogue().values() if entry.stage == stage)
    return f"No bundle for {stage.upper()} is installed: `babelmesh models fetch {example}` fetches one."
