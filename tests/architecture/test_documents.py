"""Decisions, the changelog and the folders' pages have the form that their readers expect."""

from __future__ import annotations

import re
import runpy
from datetime import date
from pathlib import Path

import pytest

import babelmesh
from realtime.v1 import realtime_translate_pb2 as realtime
from tests.architecture.source import ROOT

DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
STATUS = re.compile(r"proposed|accepted|replaced by \[\d+\]\(\d{4}-[\w-]+\.md\)")
FOLDERS = ("babelmesh", "bench", "deploy", "docs", "examples", "findings", "protos", "services", "tests")
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


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_has_a_page_that_says_where_to_begin(folder: str) -> None:
    page = (ROOT / folder / "README.md").read_text()
    assert page.startswith("# ")
    assert len(page.splitlines()) <= 80


def test_the_protocol_begins_with_the_contract() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    first = page.split("\n## ")[1]
    assert first.startswith("The calls\n")
    rows = [line for line in first.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([\w]+)`", row.split("|")[1])}
    calls = {each.name for each in realtime.DESCRIPTOR.services_by_name["RealtimeTranslate"].methods}
    messages = {name for each in ("ClientMessage", "ServerMessage") for name in _payloads(each)}
    assert calls | messages <= named


def _payloads(message: str) -> list[str]:
    return [field.name for field in realtime.DESCRIPTOR.message_types_by_name[message].oneofs_by_name["payload"].fields]


@pytest.mark.parametrize("page", ["operations.md", "protocol.md"])
def test_figures_stand_behind_the_rules(page: str) -> None:
    assert "| printed by |" not in (ROOT / "docs" / page).read_text()
    assert "measurements.md#" in (ROOT / "docs" / page).read_text()


def test_the_reference_of_the_package_has_every_public_name() -> None:
    page = (ROOT / "docs" / "reference" / "sdk.md").read_text()
    described = set(re.findall(r"^::: babelmesh\.(\w+)$", page, re.MULTILINE))
    assert described == {name for name in babelmesh.__all__ if not hasattr(realtime, name)} - {"Event"}


def test_the_reference_of_the_contracts_has_every_message_field_and_comment() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "contracts.py"))
    pages = {each.file.package: made["page"](each) for each in made["contracts"]()}
    page = pages["realtime.v1"]
    assert {path.stem for path in (ROOT / "protos").rglob("*.proto")} >= {"asr", "realtime_translate"}
    for name, message in realtime.DESCRIPTOR.message_types_by_name.items():
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert not [field.name for field in message.fields if f"| `{field.name}` |" not in section]
    assert "| 1 | `source_lang` | string | Source language (BCP-47)" in page
    assert "map of string to string" in page
    assert "one of `payload`" in page
    assert "(mesh.stage.v1.md#" in pages["mesh.overview.v1"]
    assert not [package for package, text in pages.items() if re.search(r"\|  \|$", text, re.MULTILINE)]
