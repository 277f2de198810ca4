"""Holds manifests against schemas: Kubernetes' own kinds strictly, custom ones by those in schemas/.

Run by `make check-deploy` with the manifests as arguments; ends with status 1 where something is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

VERSIONS = ("1.30", "1.37")  # the oldest the manifests are for, and the newest there is a schema of
SCHEMAS = Path(__file__).resolve().parent / "schemas"


def faults(manifest: dict[str, Any], ours: dict[str, Draft202012Validator]) -> Iterator[str]:
    """What is wrong with one object."""
    validator = ours.get(manifest["kind"].lower())
    if validator is not None:
        for error in validator.iter_errors(manifest):
            yield f"{error.json_path}: {error.message}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{'.'.join(map(str, error.path))}: {error.message} (Kubernetes {version})"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"no schema of it is known (Kubernetes {version})"


def main() -> int:
    """The exit status."""
    ours = {path.stem: Draft202012Validator(yaml.safe_load(path.read_text())) for path in SCHEMAS.glob("*.yaml")}
    wrong, seen = 0, 0
    for path in sys.argv[1:]:
        for manifest in filter(None, yaml.safe_load_all(Path(path).read_text())):
            seen += 1
            for fault in faults(manifest, ours):
                wrong += 1
                sys.stdout.write(f"{path}: {manifest['kind']} {manifest['metadata']['name']}: {fault}\n")
    sys.stdout.write(f"{seen} objects, {wrong} faults\n")
    return 1 if wrong or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
