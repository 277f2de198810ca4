"""What surrounds the code: workflows, hooks, updates, owners, a container to work in, and the attributes of files."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.architecture.source import ROOT

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
MADE_OF_BYTES = (".binpb", ".flac", ".model", ".npz", ".onnx", ".opus", ".png", ".spm", ".wav")


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def _steps() -> Iterator[str]:
    for workflow in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        for job in yaml.safe_load(workflow.read_text())["jobs"].values():
            yield from (step["run"] for step in job["steps"] if "run" in step)


def _tracked() -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.split("\0") if path]


def test_workflows_run_the_targets_that_a_person_runs() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    run = {word for step in _steps() for word in step.split() if step.startswith("make ") and "=" not in word}
    assert {"lint", "type", "test"} <= run
    assert run - {"make"} <= targets


def test_a_submission_has_to_pass_what_a_person_is_asked_to_run() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^check: lint type test ##", makefile, re.MULTILINE)
    asked = re.findall(r"\bmake (?:--no-print-directory )?(\w+)", (ROOT / ".ci" / "run").read_text())
    assert asked == ["lint", "type", "test"]


def test_what_a_clock_decides_is_marked_where_make_looks_for_it() -> None:
    naming = {path for path in _tracked() if path.startswith("tests/") and _names_the_clock(path)}
    assert not [path for path in naming if not re.fullmatch(r"(.*/)?test_\w+\.py", path)]
    assert "grep -rl 'mark\\.clock' tests --include='test_*.py'" in (ROOT / "Makefile").read_text()


def _names_the_clock(path: str) -> bool:
    return path.endswith(".py") and re.search(r"mark\.clock\b", (ROOT / path).read_text()) is not None


def test_workflows_try_every_python_that_is_supported() -> None:
    matrix = _yaml(".github/workflows/check.yml")["jobs"]["python"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS


def test_what_a_workflow_takes_from_others_is_pinned_by_commit() -> None:
    text = (ROOT / ".github" / "workflows" / "check.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert not [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)]


def test_hooks_run_the_programs_that_are_pinned() -> None:
    hooks = [hook for repo in _yaml(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert not [hook["id"] for hook in hooks if not hook["entry"].startswith(".venv/bin/")]
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lint
    assert {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks} == set(
        re.findall(r"\$\(BIN\)/(\w+)", lint[1])
    )


def test_dependency_updates_look_where_there_are_files() -> None:
    found = {"pip": "*.t*", "npm": "package-lock.json", "docker": "Dockerfile", "github-actions": ".github/workflows"}
    for entry in _yaml(".github/dependabot.yml")["updates"]:
        for folder in entry.get("directories", [entry.get("directory")]):
            assert list((ROOT / folder.lstrip("/")).glob(found[entry["package-ecosystem"]])), folder


def test_owners_own_what_is_there() -> None:
    for line in (ROOT / ".github" / "CODEOWNERS").read_text().splitlines():
        if line.startswith("/"):
            assert (ROOT / line.split()[0].lstrip("/")).exists(), line


def test_work_is_done_in_the_container_that_services_run_in() -> None:
    folder = ROOT / ".devcontainer"
    lines = (folder / "devcontainer.json").read_text().splitlines()
    described = json.loads("\n".join(line for line in lines if not line.lstrip().startswith("//")))
    base = re.compile(r"^FROM (\S+@sha256:\S+)", re.MULTILINE)
    ours = base.search((ROOT / "services" / "gateway" / "Dockerfile").read_text())
    assert ours
    assert base.findall((folder / described["build"]["dockerfile"]).read_text()) == [ours[1]]


def test_files_of_bytes_are_never_taken_for_text() -> None:
    paths = [path for path in _tracked() if path.endswith(MADE_OF_BYTES)]
    asked = subprocess.run(
        ["git", "check-attr", "binary", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert paths
    assert not [line for line in asked.splitlines() if not line.endswith(": binary: set")]


def test_every_file_that_is_no_text_is_declared_as_bytes() -> None:
    held = [path for path in _tracked() if (ROOT / path).is_file() and b"\0" in (ROOT / path).read_bytes()[:8000]]
    assert not [path for path in held if not path.endswith(MADE_OF_BYTES)]
