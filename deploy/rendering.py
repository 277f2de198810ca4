"""What the overlays of deploy/k8s come to, as kubectl renders them, and a digest of each object of theirs."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

OVERLAYS = Path(__file__).resolve().parent / "k8s" / "overlays"
DIGEST_CHARACTERS = 16  # of 64: who changes a manifest does not look for another one with the same digest

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast


class NotRendered(Exception):
    """An overlay cannot be rendered: kubectl is missing, or refuses it. The text says why."""


def overlays() -> list[Path]:
    """The folders of all overlays, by name."""
    return sorted(path for path in OVERLAYS.iterdir() if path.is_dir())


def rendered(overlay: Path) -> str:
    """The manifests of an overlay's folder, as YAML documents. Raises NotRendered."""
    try:
        done = subprocess.run(["kubectl", "kustomize", overlay], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NotRendered("kubectl is not installed: any version from 1.30 on renders the overlays.") from None
    if done.returncode:
        raise NotRendered(f"kubectl kustomize {overlay}: {done.stderr.strip()}")
    return done.stdout


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of rendered manifests."""
    return [each for each in yaml.load_all(text, _Loader) if each]


def digests(overlay: str, text: str) -> Iterator[str]:
    """A line for each object of an overlay, by kind and name: digest, overlay, object.

    The digest is of what the object says, in whatever order: versions of kubectl write objects and keys differently.
    """
    for each in sorted(objects(text), key=_key):
        said = json.dumps(each, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(said.encode()).hexdigest()[:DIGEST_CHARACTERS]
        yield f"{digest}  {overlay}  {'/'.join(_key(each))}"


def _key(each: dict[str, Any]) -> tuple[str, str]:
    return str(each["kind"]), str(each["metadata"]["name"])
