"""The GPUs of this machine, as NVIDIA's driver lists them."""

from __future__ import annotations

from pathlib import Path


def gpus() -> list[str]:
    """Return the model name of each GPU; empty where the driver gives none."""
    return [_model(told) for told in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))]


def _model(told: Path) -> str:
    for line in told.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Model":
            return value.strip()
    return ""
