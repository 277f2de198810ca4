"""requirements/install.sh, with a stand-in for the Python whose pip it runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "requirements" / "install.sh"


def _installs(folder: Path, body: str) -> subprocess.CompletedProcess[str]:
    python = folder / "python"
    python.write_text(f"#!/bin/bash\n{body}\n")
    python.chmod(0o755)
    requirements = folder / "requirements.txt"
    requirements.write_text("one==1.0 \\\n    --hash=sha256:00\ntwo==2.0 \\\n    --hash=sha256:00\n")
    return subprocess.run(
        [SCRIPT, python, requirements],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_what_was_installed_is_one_line(tmp_path: Path) -> None:
    pip = 'echo "Collecting one==1.0"; echo "  Downloading one-1.0.whl (15.6 MB)"; echo "Collecting two==2.0"'
    done = _installs(tmp_path, f'{pip}; echo "  Using cached two-2.0.whl (500 kB)"; echo "WARNING: odd" >&2')
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("  2 packages, 16 MB in ")
    assert "odd" not in done.stderr


def test_what_pip_fails_of_is_shown(tmp_path: Path) -> None:
    done = _installs(tmp_path, 'echo "Collecting one==1.0"; echo "ERROR: No matching distribution" >&2; exit 1')
    assert (done.returncode, done.stderr) == (1, "ERROR: No matching distribution\n")
