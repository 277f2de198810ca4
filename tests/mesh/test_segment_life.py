"""The page that shows newcomers a segment's life names what runs, and nothing else."""

from __future__ import annotations

import re

from bench.sessions.segment_life import GATEWAY, MOST_FUNCTIONS, ROOT, measured

MOST_STEPS = 12
PAGE = ROOT / "docs" / "segment.md"


async def test_the_page_of_a_segments_life_names_the_files_it_passes() -> None:
    life = await measured()
    text = PAGE.read_text()
    named = set(re.findall(r"`([a-z_/]+\.py)`", text))
    steps = re.findall(r"^\| \d+ \| `([a-z_/]+\.py)` \|", text, re.MULTILINE)
    sentence, chunk = life.sentence["gateway"], life.chunk["gateway"]
    passed = {path.removeprefix(GATEWAY) for trace in (sentence, chunk) for path in trace.files(GATEWAY)}
    assert {path for path in named if not path.startswith("tests/")} == passed
    assert len(steps) <= MOST_STEPS
    assert not set(steps) - {path.removeprefix(GATEWAY) for path in sentence.stations(GATEWAY)}
    assert len(chunk.functions()) <= MOST_FUNCTIONS
