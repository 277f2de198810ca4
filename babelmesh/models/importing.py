"""Makes a bundle of a folder with a model's files, as published or exported."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from babelmesh.client.errors import ModelsFailed
from babelmesh.models.catalogue import Entry, catalogue
from babelmesh.models.folder import Models
from babelmesh.models.layouts import Layout, found
from services.common.neural.bundles import MANIFEST, Bundle, FileSum, Manifest, file_sum, read, verify

_MODEL = {"asr": "a recognizer's", "mt": "a translator's", "tts": "a voice's"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The user's wishes for a bundle's manifest. Empty values are taken from the files or the catalogue."""

    name: str = ""
    version: str = ""
    layout: str = ""
    languages: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""
    source: str = ""


def import_folder(models: Models, folder: Path, wanted: Wanted, link: bool = False) -> Bundle:
    """Make a bundle of a folder's files, copied or linked, and install it.

    Raises ModelsFailed; InvalidArgument when the folder is a bundle already, and broken.
    """
    entry = None if (folder / MANIFEST).exists() else catalogue().get(wanted.name)
    told, files = _bundled(folder, wanted) if (folder / MANIFEST).exists() else _laid_out(folder, wanted, entry)
    with models.building() as built:
        sums = {}
        for name, path in files.items():
            place = built / "bundle" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            _put(folder / path, place, link)
            sums[name] = file_sum(place)
        _check_pins(entry, sums)
        manifest = _manifest(told, wanted, entry, sums)
        return models.install(built, manifest)


def _bundled(folder: Path, wanted: Wanted) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the manifest and files of a folder that already is a bundle, verified. Raises InvalidArgument."""
    bundle = read(folder)
    verify(bundle)
    if wanted.layout not in ("", bundle.manifest.layout):
        raise ModelsFailed(f"{folder} is a bundle of the layout {bundle.manifest.layout}, not {wanted.layout}.")
    return bundle.manifest.model_dump(exclude={"files"}), {name: name for name in bundle.manifest.files}


def _laid_out(folder: Path, wanted: Wanted, entry: Entry | None) -> tuple[dict[str, Any], dict[str, str]]:
    layout, files = found(folder, wanted.layout or (entry.layout if entry else ""))
    return _told(folder, files, layout), files


def _put(path: Path, place: Path, link: bool) -> None:
    if not link:
        shutil.copyfile(path, place)
        return
    try:
        os.link(path.resolve(), place)
    except OSError as error:
        raise ModelsFailed(f"{path} cannot be linked ({error.strerror}): leave out --link to copy it.") from error


def _check_pins(entry: Entry | None, sums: Mapping[str, FileSum]) -> None:
    for name, remote in entry.files.items() if entry else ():
        if name in sums and remote.differs(sums[name]):
            message = f"{name} is not the file that the catalogue has under {entry.name if entry else ''}"
            raise ModelsFailed(f"{message}: give it another --name.")


def _told(folder: Path, files: Mapping[str, str], layout: Layout) -> dict[str, Any]:
    """Return the manifest's values that the files themselves contain."""
    told: dict[str, Any] = {
        "name": re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._"),
        "version": "1",
        "stage": layout.stage,
        "engine": layout.engine,
        "layout": layout.name,
        "sample_rate_hertz": layout.sample_rate_hertz,
    }
    if layout.name == "piper":
        voice = _json(folder / files["voice.onnx.json"])
        told["sample_rate_hertz"] = voice.get("audio", {}).get("sample_rate", 0)
        told["languages"] = (str(voice.get("language", {}).get("code", "")).replace("_", "-"),)
    if layout.name == "mms" and "config.json" in files:
        told["sample_rate_hertz"] = _json(folder / files["config.json"]).get("sampling_rate", told["sample_rate_hertz"])
    return told


def _json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelsFailed(f"{path} cannot be read: {error}.") from error
    if not isinstance(read, dict):
        raise ModelsFailed(f"{path} is no JSON object.")
    return read


def _manifest(told: dict[str, Any], wanted: Wanted, entry: Entry | None, sums: Mapping[str, FileSum]) -> Manifest:
    """Return the manifest of files, catalogue and user, the later overriding. Raises ModelsFailed naming a missing
    option.
    """
    fields = dict(told)
    if entry:
        fields |= {name: getattr(entry, name) for name in ("languages", "pairs", "tags", "licence")}
        fields |= {"source": entry.origin, "sample_rate_hertz": entry.sample_rate_hertz}
    for name in ("name", "version", "languages", "pairs", "tags", "licence", "source"):
        if own := getattr(wanted, name):
            fields[name] = own
    serves = "pairs" if fields["stage"] == "mt" else "languages"
    needed = {serves: "--pair SOURCE:TARGET" if serves == "pairs" else "--language LANG"}
    needed |= {"licence": "--licence SPDX", "source": "--source URL"}
    missing = [option for name, option in needed.items() if not any(fields.get(name, ()))]
    if missing:
        what = f"The files are {_MODEL[fields['stage']]} ({fields['layout']})."
        raise ModelsFailed(f"{what} Say as well {', '.join(missing)}.")
    try:
        return Manifest(**fields, files=dict(sums))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = str(first["loc"][0]) if first["loc"] else "bundle"
        raise ModelsFailed(f"{where}: {first['msg'].removeprefix('Value error, ')}.") from error
