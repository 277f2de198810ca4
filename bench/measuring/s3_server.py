"""An S3-compatible store in a process of its own, which keeps all in memory."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from babelmesh.local.supervisor import unused_ports

REGION, KEY_ID, KEY = "us-east-1", "key", "a secret that it does not check"
_START_SECONDS = 60.0


@contextmanager
def s3_server() -> Iterator[str]:
    """A store for the block: its endpoint. It has no buckets yet, and takes any key."""
    (port,) = unused_ports(1)
    command = (sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port))
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=silent, stderr=silent) as server:
        try:
            _wait(endpoint := f"http://127.0.0.1:{port}")
            yield endpoint
        finally:
            server.kill()


def make_bucket(endpoint: str, name: str) -> None:
    """Make a bucket, and drop all others with what is in them."""
    _ask(f"{endpoint}/moto-api/reset", "POST")
    _ask(f"{endpoint}/{name}", "PUT")


def _wait(endpoint: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            return _ask(f"{endpoint}/moto-api/data.json", "GET")
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _ask(url: str, method: str) -> None:
    with urlopen(Request(url, method=method), timeout=10) as answer:
        answer.read()
