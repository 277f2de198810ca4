"""Renders the overlays into rendered/ (which git does not keep), and the digests of their objects into rendered.sums.

Brings deploy/monitoring into Kubernetes' form as well. Needs kubectl, no cluster. `--check` writes nothing: it names
what is not as it would be made, and ends with status 1. `--into FOLDER` renders the overlays into that folder, no more.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deploy import rendering

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SUMS = HERE / "rendered.sums"
MONITORING = HERE.parent / "monitoring"
MADE = "# Made by `make manifests` from rules/ and dashboards/.\n"
LABELS = {"app.kubernetes.io/part-of": "babelmesh"}


def monitoring() -> Iterator[tuple[Path, str]]:
    """What components/monitoring refers to: kustomize embeds no YAML in YAML, and reads no file above its own."""
    rules = [yaml.safe_load(path.read_text()) for path in sorted((MONITORING / "rules").glob("*.yaml"))]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "babelmesh", "namespace": "babelmesh", "labels": LABELS},
        "spec": {"groups": [group for each in rules for group in each["groups"]]},
    }
    kustomization: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["prometheusrule.yaml"],
    }
    dashboards = sorted((MONITORING / "dashboards").glob("*.json"))
    if dashboards:
        kustomization["configMapGenerator"] = [_dashboard(path) for path in dashboards]
    yield MONITORING / "prometheusrule.yaml", MADE + _yaml(rule)
    yield MONITORING / "kustomization.yaml", MADE + _yaml(kustomization)


def _dashboard(path: Path) -> dict[str, Any]:
    # The label is the one that Grafana's sidecar looks for unless told otherwise.
    options = {"disableNameSuffixHash": True, "labels": {**LABELS, "grafana_dashboard": "1"}}
    name = f"dashboard-{path.stem.replace('_', '-')}"
    return {"name": name, "namespace": "babelmesh", "files": [f"dashboards/{path.name}"], "options": options}


def overlays() -> dict[str, str]:
    """Each overlay as `kubectl kustomize` renders it, by name. Raises NotRendered."""
    return {overlay.name: rendering.rendered(overlay) for overlay in rendering.overlays()}


def digests(texts: dict[str, str]) -> str:
    """What rendered.sums holds."""
    return "".join(f"{line}\n" for name, text in texts.items() for line in rendering.digests(name, text))


def _yaml(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, width=120))


def main() -> int:
    """Writes or checks; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--into", type=Path, metavar="FOLDER")
    told = parser.parse_args()
    try:
        if told.into:
            _write_overlays(told.into, overlays())
            return 0
        return _check() if told.check else _write()
    except rendering.NotRendered as error:
        sys.exit(str(error))


def _write() -> int:
    for path, text in monitoring():  # the overlays read what this writes
        _replace(path, text)
    texts = overlays()
    _write_overlays(HERE / "rendered", texts)
    _replace(SUMS, digests(texts))
    return 0


def _write_overlays(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        _replace(folder / f"{name}.yaml", text)


def _replace(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        sys.stdout.write(f"{path} is written\n")


def _check() -> int:
    stale = [str(path.relative_to(ROOT)) for path, text in monitoring() if path.read_text() != text]
    were, are = SUMS.read_text().splitlines(), digests(overlays()).splitlines()
    changed = [line for line in difflib.unified_diff(were, are, n=0, lineterm="") if line[1:2] not in ("-", "+", "@")]
    if changed:
        stale.append("\n".join((str(SUMS.relative_to(ROOT)), *changed)))
    for each in stale:
        sys.stdout.write(f"{each}\nis not what `make manifests` makes\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
