"""What is made of the documentation's pages when the site is built; MkDocs itself is in another environment."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import pytest

from tests.architecture.source import ROOT

PAGES = {
    "index.md",
    "protocol.md",
    "adr/README.md",
    "adr/0001-star-topology.md",
    "reference/realtime.v1.md",
    "demo.svg",
}

Turn = Callable[[str, str], str]


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> Turn:
    """Markdown of a page of the site, as the hook of docs/pages.py turns it."""
    stub = ModuleType("mkdocs.structure.files")
    vars(stub)["File"] = None
    monkeypatch.setitem(sys.modules, "mkdocs.structure.files", stub)
    monkeypatch.delenv("REPOSITORY", raising=False)
    hook = runpy.run_path(str(ROOT / "docs" / "pages.py"))["on_page_markdown"]
    files = SimpleNamespace(get_file_from_path=lambda uri: uri if uri in PAGES else None)

    def turned(page: str, markdown: str) -> str:
        return str(hook(markdown, SimpleNamespace(file=SimpleNamespace(src_uri=page)), None, files))

    return turned


@pytest.mark.parametrize(
    ("page", "link", "becomes"),
    [
        ("index.md", "[p](docs/protocol.md#faults)", "[p](protocol.md#faults)"),
        ("index.md", "![d](docs/demo.svg)", "![d](demo.svg)"),
        ("protocol.md", "[why](adr/0001-star-topology.md)", "[why](adr/0001-star-topology.md)"),
        ("protocol.md", "[home](../README.md#hear-it)", "[home](index.md#hear-it)"),
        ("adr/README.md", "[1](0001-star-topology.md)", "[1](0001-star-topology.md)"),
        ("adr/0001-star-topology.md", "[p](../protocol.md)", "[p](../protocol.md)"),
        (
            "protocol.md",
            "[`c`](../protos/realtime/v1/realtime_translate.proto)",
            "[`c`](reference/realtime.v1.md)",
        ),
        (
            "protocol.md",
            "[up](#order) and [away](https://example.org/x)",
            "[up](#order) and [away](https://example.org/x)",
        ),
    ],
)
def test_a_link_to_a_page_leads_to_the_page_of_the_site(turn: Turn, page: str, link: str, becomes: str) -> None:
    assert turn(page, link) == becomes


def test_a_link_to_a_file_leads_into_the_repository_where_its_address_is_known(
    turn: Turn, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = "See [the rules](../deploy/envoy)."
    assert turn("protocol.md", link) == "See the rules."
    monkeypatch.setenv("REPOSITORY", "https://example.org/babelmesh/")
    assert turn("protocol.md", link) == "See [the rules](https://example.org/babelmesh/deploy/envoy)."
