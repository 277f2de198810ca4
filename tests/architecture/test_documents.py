"""Decisions, the changelog and the folders' pages have the form that their readers expect."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
STATUS = re.compile(r"proposed|accepted|replaced by \[\d+\]\(\d{4}-[\w-]+\.md\)")
SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_every_decision_has_a_date_and_a_status(page: Path) -> None:
    title, blank, dated, status, end, *_ = page.read_text().splitlines()
    assert re.fullmatch(rf"# {int(page.stem[:4])}\. \S.*", title)
    assert (blank, end) == ("", "")
    assert date.fromisoformat(dated.removeprefix("- Date: "))
    assert STATUS.fullmatch(status.removeprefix("- Status: "))
    replaced = re.search(r"\(([\w-]+\.md)\)", status)
    assert not replaced or (page.parent / replaced[1]).is_file()


def test_every_decision_is_listed_once() -> None:
    listed = re.findall(r"^\| \d+ \| \[.*\]\((\d{4}-.*\.md)\) \|$", (ROOT / "docs/adr/README.md").read_text(), re.M)
    assert sorted(listed) == [page.name for page in DECISIONS]


def test_a_new_decision_starts_from_the_template() -> None:
    lines = (ROOT / "docs" / "adr" / "template.md").read_text().splitlines()
    assert [line.split(":")[0] for line in lines[2:4]] == ["- Date", "- Status"]
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Why", "## Price"]


def test_the_changelog_is_told_by_release() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    assert not [each for each in releases[1:] if not re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", each)]
    for release in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        sections = re.findall(r"^### (.*)$", release, re.MULTILINE)
        assert len(set(sections)) == len(sections)
        assert set(sections) <= set(SECTIONS)
