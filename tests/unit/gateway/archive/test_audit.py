"""The audit log: what becomes of a line afterwards is found, and half a line of a process that was killed is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from services.gateway.archive.audit import Audit, Head
from services.gateway.archive.hiding import Hiding

HIDING = Hiding(b"s" * 32)


def log_of(tmp_path: Path, lines: int = 5) -> Audit:
    audit = Audit(tmp_path / "audit.log", HIDING)
    for number in range(lines):
        audit.add(1000 + number, "gateway", "opened", {"part": f"part {number}"})
    return audit


def changed(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def test_a_log_that_nobody_touched_is_right(tmp_path: Path) -> None:
    audited = log_of(tmp_path).verified()
    assert (audited.wrong_line, audited.head.lines) == (0, 5)
    assert Audit(tmp_path / "none.log", HIDING).verified().head == Head()


@pytest.mark.parametrize(
    ("change", "wrong_line"),
    [
        (lambda lines: [lines[0], lines[1].replace("1001", "1009"), *lines[2:]], 2),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], 2),
        (lambda lines: [*lines[:3], lines[1], *lines[3:]], 4),
        (lambda lines: lines[:-1], 5),
        (lambda lines: [], 1),
        (lambda lines: [*lines[:4], "{}\n"], 5),
        (lambda lines: [*lines, "no line\n"], 6),
        (lambda lines: [*lines[:-1], lines[-1].rstrip()], 5),
    ],
    ids=["changed", "removed", "first removed", "moved", "repeated", "last removed", "all", "made up", "added", "cut"],
)
def test_the_first_line_that_is_not_as_it_was_written_is_named(
    tmp_path: Path, change: Callable[[list[str]], list[str]], wrong_line: int
) -> None:
    audit = log_of(tmp_path)
    changed(tmp_path / "audit.log", change)
    assert audit.verified().wrong_line == wrong_line


def test_a_log_that_was_put_back_is_found_by_a_head_that_was_written_down(tmp_path: Path) -> None:
    audit = log_of(tmp_path, 3)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    audit.add(2000, "somebody", "deleted", {})
    head = audit.verified().head
    for path, content in before.items():
        path.write_bytes(content)
    assert audit.verified().wrong_line == 0
    assert audit.verified(head).wrong_line == 4
    audit.add(3000, "somebody else", "exported", {})
    assert audit.verified(head).wrong_line == 4


def test_half_a_line_of_a_process_that_was_killed_is_written_over(tmp_path: Path) -> None:
    audit = log_of(tmp_path)
    with (tmp_path / "audit.log").open("ab") as log:
        log.write(b'{"n": 6, "at_')
    audit.add(2000, "gateway", "closed", {})
    assert audit.verified().wrong_line == 0
    assert json.loads((tmp_path / "audit.log").read_text().splitlines()[-1])["n"] == 6


def test_a_log_whose_process_was_killed_before_it_wrote_a_head_is_right(tmp_path: Path) -> None:
    audit = log_of(tmp_path, 0)
    audit.add(1000, "gateway", "opened", {})
    genesis = Audit(tmp_path / "other.log", HIDING)
    genesis._write_head(0, "")  # what stands there until the first line has its own
    (tmp_path / "other.log.head").replace(tmp_path / "audit.log.head")
    assert audit.verified().wrong_line == 0
    (tmp_path / "audit.log.head").unlink()
    assert audit.verified().wrong_line == 1


def test_another_secret_signs_nothing(tmp_path: Path) -> None:
    log_of(tmp_path)
    assert Audit(tmp_path / "audit.log", Hiding(b"t" * 32)).verified().wrong_line == 1
