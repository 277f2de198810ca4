"""Writes a bundle's manifest beside its files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def described(folder: Path, layout: str, rate_hertz: int, source: str) -> None:
    """Writes bundle.json for all files of a folder."""
    files = sorted(path for path in folder.iterdir() if path.name != "bundle.json")
    manifest = {
        "format": 1,
        "name": folder.name,
        "version": "1",
        "stage": "tts",
        "engine": "onnx",
        "layout": layout,
        "languages": ["es"],
        "sample_rate_hertz": rate_hertz,
        "licence": "Apache-2.0",
        "source": source,
        "files": {
            path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            for path in files
        },
    }
    (folder / "bundle.json").write_text(json.dumps(manifest, indent=2) + "\n")
