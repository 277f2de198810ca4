"""Both checkers pass a ledger in which all is well, and catch whatever is wrong with another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.chaos import checks, node
from bench.chaos.ledger import read_all
from bench.chaos.recovery import FILE, Struck, recoveries
from tests.chaos.ledgers import BROKEN, Lines, clean

needs_node = pytest.mark.skipif(bool(node.missing()), reason=node.missing())
CHECKERS = ["python", pytest.param("node", marks=needs_node)]


def _written(folder: Path, lines: Lines) -> Path:
    (folder / "python-007.ledger").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


async def _counts(checker: str, folder: Path) -> dict[str, int]:
    if checker == "python":
        return checks.check(read_all(folder)).counts()
    return {kind: len(found) for kind, found in (await node.audited(folder))["faults"].items()}


@pytest.mark.parametrize("checker", CHECKERS)
async def test_a_ledger_in_which_all_is_well_passes(checker: str, tmp_path: Path) -> None:
    assert not any((await _counts(checker, _written(tmp_path, clean()))).values())


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("fault", BROKEN)
async def test_what_is_wrong_is_caught(checker: str, fault: str, tmp_path: Path) -> None:
    lines = clean()
    breaks, kind = BROKEN[fault]
    breaks(lines)
    assert (await _counts(checker, _written(tmp_path, lines)))[kind]


@pytest.mark.parametrize("checker", CHECKERS)
async def test_what_a_gap_names_is_not_lost(checker: str, tmp_path: Path) -> None:
    lines = clean()
    (last,) = [each for each in lines if each["kind"] == "utterance"][-1:]
    lines = [line for line in lines if line.get("segment_id") != 8]
    gap = {"from_ms": last["from_ms"], "to_ms": last["to_ms"], "reason": "QUARANTINED"}
    lines.insert(-3, {"t": lines[-3]["t"], "kind": "flow", "gaps": [gap], "degraded": []})
    assert not (await _counts(checker, _written(tmp_path, lines)))["lost"]


@needs_node
async def test_both_agree_on_how_long_a_session_stood_still(tmp_path: Path) -> None:
    lines = clean()
    struck_at = next(line["t"] for line in lines if line["kind"] == "asr" and line["segment_id"] == 3)
    fault = Struck(struck_at, "asr-1.1", "asr-1", 1, ("python-007",))
    after = {"t": struck_at + 0.25, "kind": "marker", "marker": fault.label}
    lines.insert(1 + next(at for at, line in enumerate(lines) if line["t"] > after["t"]) - 1, after)
    _written(tmp_path, lines)
    (tmp_path / FILE).write_text(json.dumps({"t": fault.t, "label": fault.label, "affected": fault.affected}) + "\n")
    (ours,) = recoveries(read_all(tmp_path), [fault])
    (theirs,) = (await node.audited(tmp_path))["recovery"]
    assert (ours.label, ours.session) == (theirs["label"], theirs["session"]) == ("asr-1.1", "python-007")
    assert [ours.seconds, theirs["seconds"]] == pytest.approx([0.25, 0.25])
