"""Our OpenAPI document against what the edge answers: schemathesis makes the requests, good ones and bad ones."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.mesh.edge import edge_port

pytestmark = [pytest.mark.edges, pytest.mark.timeout(600)]
PROGRAM = Path(sys.executable).with_name("schemathesis")
EXAMPLES, SEED = 10, 7


async def test_requests_of_all_kinds_are_answered_as_the_document_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if not shutil.which(PROGRAM):
        pytest.skip("schemathesis is not installed")
    limits = {"requests_per_second": 10_000.0, "max_clip_seconds": 2}
    async with edge_port(limits) as port:
        url = f"http://127.0.0.1:{port}"
        asked = ["run", f"{url}/openapi.json", "--url", url, "--seed", str(SEED), "--max-examples", str(EXAMPLES)]
        # What languages and registers there are is the gateway's to say: a request that the document allows may name
        # others, and is refused, some by 501. What fails otherwise is in the log.
        asked += ["--exclude-checks", "positive_data_acceptance,not_a_server_error"]
        asked += ["--exclude-method", "PATCH"]  # of WHIP: what is sent is a fragment of SDP, which it cannot write
        asked += ["--no-color", "--request-timeout", "20", "--suppress-health-check", "all"]
        program = await asyncio.create_subprocess_exec(PROGRAM, *asked, stdout=PIPE, stderr=STDOUT, cwd=tmp_path)
        told, _ = await program.communicate()
    assert program.returncode == 0, told.decode()
    assert not [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]
