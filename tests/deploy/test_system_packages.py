"""requirements/system.sh, on systems made of stand-ins for the few programs it asks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "requirements" / "system.sh"
NEEDED = ("bash", "basename", "env", "true")  # what the script uses and every system has


class System:
    """A folder that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.lists = folder / "lists"
        self.lists.mkdir()
        for name in NEEDED:
            (folder / name).symlink_to(str(shutil.which(name)))

    def add(self, name: str, body: str) -> None:
        """A program; what it is called with can be read with `called`."""
        program = self.folder / name
        program.write_text(f'#!/bin/bash\necho "{name} $*" >>"{self.calls}"\n{body}\n')
        program.chmod(0o755)

    def run(self, *packages: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, *packages],
            env={"PATH": str(self.folder), "PYTHON": "python3", "APT_LISTS": str(self.lists), "PROGRESS_SECONDS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def called(self, program: str) -> list[str]:
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line for line in lines if line.startswith(f"{program} ")]


@pytest.fixture
def system(tmp_path: Path) -> System:
    """Debian with a whole Python 3.11 and the package `there`, and a sudo for who is not root."""
    system = System(tmp_path)
    system.add("python3", "exit 0")
    system.add("sudo", '[[ $1 == --non-interactive ]] && shift; exec "$@"')
    system.add("dpkg-query", '[[ ${!#} == there ]] && echo -n installed || { echo "no package" >&2; exit 1; }')
    system.add(
        "apt-get", "[[ $DEBIAN_FRONTEND == noninteractive ]] || exit 9; [[ $* != *broken* ]] || { echo why; exit 100; }"
    )
    system.add("apt-cache", '[[ ${!#} == unheard-of ]] || echo "${!#} | 1.0 | archive"')
    return system


def test_an_optional_package_that_the_distribution_lacks_is_a_line(system: System) -> None:
    done = system.run("absent", "--optional", "unheard-of", "extra")
    assert done.returncode == 0
    assert "Going on without unheard-of" in done.stderr
    assert system.called("apt-get")[-1].endswith(" absent extra")


def test_a_second_run_asks_nobody_for_an_optional_package_that_is_not_to_be_had(system: System) -> None:
    (system.lists / "mirror_Packages.lz4").touch()
    done = system.run("there", "--optional", "unheard-of", "there")
    assert done.returncode == 0
    assert "Going on without unheard-of" in done.stderr
    assert not system.called("apt-get")


def test_before_the_first_update_optional_packages_are_looked_for_after_it(system: System) -> None:
    assert system.run("there", "--optional", "extra").returncode == 0
    update, install = system.called("apt-get")
    assert update.endswith(" update")
    assert install.endswith(" extra")


def test_without_apt_optional_packages_are_left_out(system: System) -> None:
    (system.folder / "apt-get").unlink()
    done = system.run("there", "--optional", "extra")
    assert done.returncode == 0
    assert "Going on without extra" in done.stderr


def test_where_nothing_is_missing_apt_is_not_asked(system: System) -> None:
    done = system.run("there")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not system.called("apt-get")


def test_only_what_is_missing_is_installed(system: System) -> None:
    assert system.run("there", "absent", "missing").returncode == 0
    update, install = system.called("apt-get")
    assert update.endswith(" update")
    assert install.endswith(" install --yes --no-install-recommends absent missing")


def test_what_apt_says_is_shown_when_it_fails(system: System) -> None:
    done = system.run("broken")
    assert done.returncode == 1
    assert "why" in done.stderr


def test_a_python_without_venv_gets_its_package(system: System) -> None:
    system.add("python3", "[[ $2 != *ensurepip* ]]")
    assert system.run("there").returncode == 0
    assert system.called("apt-get")[-1].endswith(" python3-venv")


def test_an_old_python_is_refused_with_the_way_out(system: System) -> None:
    system.add("python3", 'if [[ $1 == --version ]]; then echo "Python 3.10.12"; else [[ $2 != *version_info* ]]; fi')
    done = system.run("absent")
    assert done.returncode == 1
    assert "Python 3.10.12 is too old" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not system.called("apt-get")


def test_no_python_is_told(system: System) -> None:
    (system.folder / "python3").unlink()
    done = system.run("there")
    assert done.returncode == 1
    assert "python3 is missing" in done.stderr


def test_without_apt_the_packages_are_named(system: System) -> None:
    (system.folder / "apt-get").unlink()
    done = system.run("absent", "there")
    assert done.returncode == 1
    assert "Missing: absent" in done.stderr
    assert "SYSTEM_PACKAGES=" in done.stderr


def test_a_long_installation_says_how_far_it_is(system: System) -> None:
    (system.folder / "sleep").symlink_to(str(shutil.which("sleep")))
    system.add("apt-get", '[[ $* == *update ]] || { echo "Setting up absent (1.0) ..."; sleep 2.5; echo much; }')
    done = system.run("absent")
    assert done.returncode == 0
    assert "1 packages are set up after" in done.stderr
    assert "much" not in done.stderr
