"""What MkDocs calls while `make site` builds the site: adds pages from outside docs/, and turns links.

In the repository a page links to files by their places, so that links work there as well. On the site a link to another
page leads to that page. One to a file that is no page leads into the repository where the variable REPOSITORY has its
address, and is plain text without.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "out" / "contracts"  # written by docs/contracts.py
ELSEWHERE = {  # pages of the site that are no files of docs/, by their places in the repository
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "deploy/k8s/README.md": "kubernetes.md",
    "examples/README.md": "examples.md",
}
SOURCES = {page: path for path, page in ELSEWHERE.items()}

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<to>[^)\s]+)\)")
_CONTRACT = re.compile(r"protos/(?P<package>.+)/[^/]+\.proto")


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that lie outside docs/."""
    for path, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / path).read_text()))
    for path in sorted(CONTRACTS.glob("*.md")):
        files.append(File.generated(config, f"reference/{path.name}", content=path.read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turns a page's links into the site's."""
    here = page.file.src_uri
    place = SOURCES.get(here, f"docs/{here}")

    def turned(link: re.Match[str]) -> str:
        target, hash_, anchor = link["to"].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        uri = _page(path)
        if uri and files.get_file_from_path(uri):
            to = posixpath.relpath(uri, posixpath.dirname(here) or ".")
            return f"{link['image']}[{link['text']}]({to}{hash_}{anchor})"
        address = os.environ.get("REPOSITORY")
        return f"[{link['text']}]({address.rstrip('/')}/{path})" if address else link["text"]

    return _LINK.sub(turned, markdown)


def _page(path: str) -> str:
    """The site's page of a file of the repository; empty where it has none."""
    if contract := _CONTRACT.fullmatch(path):
        return f"reference/{contract['package'].replace('/', '.')}.md"
    return ELSEWHERE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
