"""Chooses each stage's engine and installed bundles for a local mesh."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence

from babelmesh.client.errors import ModelsFailed
from babelmesh.models.catalogue import catalogue
from babelmesh.models.choices import Engines, Variables
from babelmesh.models.defaults import DEFAULTS, Default
from babelmesh.models.folder import Installed, Models

STAGES = ("asr", "mt", "tts")
NEURAL = {"asr": ("onnx", "sherpa"), "mt": ("onnx",), "tts": ("onnx",)}  # those on bundles, the first preferred
SMALL = "embedded"  # the engines that need no bundles
SMALL_BESIDE = ("mt", "tts")  # stages whose small engine serves what the others do not; elsewhere it serves alone

Tell = Callable[[str], None]


def variables(engines: Engines, models: Models, told: Collection[str], tell: Tell) -> Variables:
    """Return the stages' variables. A stage whose engine a variable in `told` already sets is left alone.

    Raises ModelsFailed when NEURAL finds no bundle for a stage, or two that would share its sessions without a setting
    that asks for it.
    """
    open_stages = [stage for stage in STAGES if f"{stage.upper()}_ENGINE" not in told]
    if engines in (Engines.SMALL, Engines.SCRIPTED):
        name = SMALL if engines is Engines.SMALL else engines.value
        return {stage: {f"{stage.upper()}_ENGINE": name} for stage in open_stages}
    found, faults = models.installed()
    for fault in faults:
        tell(f"Left out: {fault}")
    if engines is Engines.DEFAULT:
        return {stage: _default(stage, _newest(found, stage), told, tell) for stage in open_stages}
    chosen = {stage: _chosen(stage, _newest(found, stage), told, tell) for stage in open_stages}
    missing = [stage for stage, those in chosen.items() if those is None]
    if missing:
        raise ModelsFailed(f"{' '.join(_missing(stage) for stage in missing)} `babelmesh models list` shows more.")
    return {stage: those for stage, those in chosen.items() if those}


def _default(stage: str, installed: Sequence[Installed], told: Collection[str], tell: Tell) -> Mapping[str, str]:
    """Return one stage's variables for the installed default bundles, with the small engine beside them."""
    bundles: dict[str, list[Installed]] = {}  # by engine; an engine whose bundles a variable names brings none
    for each in [each for each in DEFAULTS if each.stage == stage]:
        if _bundles(stage, each.engine) in told and not each.missing:
            bundles.setdefault(each.engine, [])
        elif reason := each.missing or _absent(each, installed):
            tell(f"{stage}: without {each.bundle} ({reason}) {each.without}.")
        else:
            bundles.setdefault(each.engine, []).extend(one for one in installed if one.manifest.name == each.bundle)
    engines = [*bundles, *([SMALL] if stage in SMALL_BESIDE or not bundles else [])]
    titles = [title for engine in engines for title in ([one.title for one in bundles.get(engine, ())] or [engine])]
    tell(f"{stage}: {', '.join(titles)}")
    named = {_bundles(stage, engine): _paths(those) for engine, those in bundles.items() if those}
    return {f"{stage.upper()}_ENGINE": "+".join(engines), **named}


def _absent(default: Default, installed: Sequence[Installed]) -> str:
    """Return why a default bundle cannot be served; empty when it can."""
    for each in installed:
        if each.manifest.name == default.bundle and each.manifest.engine == default.engine:
            return f"{each.fault}: `babelmesh models fetch {default.bundle}`" if each.fault else ""
    return f"not installed: `babelmesh models fetch {default.bundle}`"


def _bundles(stage: str, engine: str) -> str:
    """Return the variable that lists an engine's bundles."""
    return f"{stage.upper()}_{engine.upper()}__BUNDLES"


def _paths(those: Sequence[Installed]) -> str:
    return json.dumps([str(each.bundle.folder.resolve()) for each in those])


def _chosen(stage: str, installed: Sequence[Installed], told: Collection[str], tell: Tell) -> Mapping[str, str] | None:
    """Return one stage's variables for any installed bundles; None when there are none."""
    for engine in NEURAL[stage]:
        name = _bundles(stage, engine)
        if name in told:
            return {f"{stage.upper()}_ENGINE": engine}
        if those := [each for each in installed if each.manifest.engine == engine]:
            _check_overlap(stage, those, name)
            for each in installed:
                tell(f"{stage}: {each.title}{'' if each in those else ' is left out, it is for another engine'}")
            return {f"{stage.upper()}_ENGINE": engine, name: _paths(those)}
    return None


def _newest(found: Sequence[Installed], stage: str) -> list[Installed]:
    """Return a stage's bundles, of each name the one installed last."""
    newest: dict[str, Installed] = {}
    for each in found:
        other = newest.get(each.manifest.name)
        if each.manifest.stage == stage and (other is None or each.placed > other.placed):
            newest[each.manifest.name] = each
    return list(newest.values())


def _check_overlap(stage: str, those: Sequence[Installed], name: str) -> None:
    """Raise ModelsFailed when bundles overlap in a language; voices may, as their names tell them apart."""
    first: dict[str, Installed] = {}
    for each in those if stage != "tts" else ():
        for serves in each.manifest.serves:
            other = first.setdefault(serves, each)
            if other is not each:
                both = f"{other.title} and {each.title} both serve {serves}."
                raise ModelsFailed(f"{both} Name those to serve in {name}, with weights if they are to share sessions.")


def _missing(stage: str) -> str:
    """Return the advice for a stage without a bundle."""
    example = next(
        (each for each in catalogue().values() if each.stage == stage and each.engine in NEURAL[stage]), None
    )
    hint = f"`babelmesh models fetch {example.name}` fetches one" if example else "`babelmesh models import` makes one"
    return f"No bundle for {stage.upper()} is installed: {hint}."
