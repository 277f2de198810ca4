"""Renders the overlays into rendered/, and brings deploy/monitoring into Kubernetes' form. Needs kubectl, no cluster.

`--check` writes nothing: it names what is not as it would be written, and ends with status 1.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
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


def overlays() -> Iterator[tuple[Path, str]]:
    """Each overlay as `kubectl kustomize` renders it. Raises CalledProcessError; what is wrong is on stderr then."""
    for overlay in sorted((HERE / "overlays").iterdir()):
        done = subprocess.run(["kubectl", "kustomize", overlay], stdout=subprocess.PIPE, text=True, check=True)
        yield HERE / "rendered" / f"{overlay.name}.yaml", done.stdout


def _yaml(value: object) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, width=120))


def _same(one: str, other: str) -> bool:
    """Whether two files hold the same objects: versions of kubectl write them in orders of their own."""
    keyed = [
        {str((each["kind"], each.get("metadata"))): each for each in yaml.safe_load_all(text) if each}
        for text in (one, other)
    ]
    return keyed[0] == keyed[1]


def main() -> int:
    """Writes or checks; the exit status."""
    stale, checking = [], "--check" in sys.argv
    for step in (monitoring, overlays):  # the second reads what the first has written
        for path, text in step():
            if path.exists() and (path.read_text() == text or (checking and _same(path.read_text(), text))):
                continue
            stale.append(path)
            if not checking:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    verb = "is not what `make manifests` makes" if checking else "is written"
    for path in stale:
        sys.stdout.write(f"{path.relative_to(HERE.parent.parent)} {verb}\n")
    return 1 if stale and checking else 0


if __name__ == "__main__":
    sys.exit(main())
