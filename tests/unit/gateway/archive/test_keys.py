"""Keys of parts are wrapped under the tenant's own, and come back for their part alone; or it is said why not."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.gateway.archive.http_keys import HttpKeys
from services.gateway.archive.keys import FileKeys, KeysUnavailable
from services.gateway.archive.sealing import new_key


class Quiet(ThreadingHTTPServer):
    """A server that tells nobody of clients that have left."""

    def handle_error(self, *_: object) -> None:
        pass


Answer = Callable[[str, dict[str, str]], tuple[int, bytes]]


def made(folder: Path, name: str, key: str = "ab" * 32, mode: int = 0o600) -> FileKeys:
    (folder / f"{name}.key").write_text(key)
    (folder / f"{name}.key").chmod(mode)
    return FileKeys(folder)


async def test_a_key_comes_back_for_its_part_alone(tmp_path: Path) -> None:
    keys, key = made(tmp_path, "clinic"), new_key()
    wrapped = await keys.wrap("clinic", key, "part")
    assert key not in wrapped
    assert await keys.unwrap("clinic", wrapped, "part") == key
    with pytest.raises(KeysUnavailable, match="another part"):
        await keys.unwrap("clinic", wrapped, "other")


async def test_calls_that_no_tenant_makes_have_the_default_key(tmp_path: Path) -> None:
    keys, key = made(tmp_path, "default"), new_key()
    assert await keys.unwrap("", await keys.wrap("", key, "part"), "part") == key


@pytest.mark.parametrize(
    ("name", "key", "mode", "why"),
    [
        ("clinic", "ab" * 32, 0o644, "0600"),
        ("clinic", "ab" * 31, 0o600, "64 hexadecimal"),
        ("clinic", "no key", 0o600, "64 hexadecimal"),
        ("other", "ab" * 32, 0o600, "No such file"),
    ],
)
async def test_a_key_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, name: str, key: str, mode: int, why: str
) -> None:
    with pytest.raises(KeysUnavailable, match=why):
        await made(tmp_path, name, key, mode).wrap("clinic", new_key(), "part")


@pytest.mark.parametrize("tenant", ["../clinic", "a/b", ".hidden", "a" * 200, "a\0b"])
async def test_no_tenants_name_leads_out_of_the_folder(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(KeysUnavailable, match="cannot be that of a file"):
        await made(tmp_path, "clinic").wrap(tenant, new_key(), "part")


@pytest.fixture
def service() -> Iterator[Callable[[Answer], str]]:
    """Starts a key service that answers as a function says, and gives its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body["token"] = self.headers.get("Authorization", "")
                status, text = answer(self.path, body)
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:9/wrap")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        servers.append(Quiet(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/v1"

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


def kept_service() -> Answer:
    kept: dict[str, dict[str, str]] = {}

    def answer(path: str, body: dict[str, str]) -> tuple[int, bytes]:
        if body["token"] != "Bearer of-the-gateway":
            return 403, b""
        if path == "/v1/wrap":
            name = base64.b64encode(str(len(kept)).encode()).decode()
            kept[name] = body
            return 200, json.dumps({"wrapped": name}).encode()
        was = kept[body["wrapped"]]
        same = (was["tenant"], was["part"]) == (body["tenant"], body["part"])
        return (200, json.dumps({"key": was["key"]}).encode()) if same else (403, b"")

    return answer


async def test_a_key_service_wraps_and_unwraps(service: Callable[[Answer], str]) -> None:
    keys, key = HttpKeys(service(kept_service()), "of-the-gateway", 5.0), new_key()
    wrapped = await keys.wrap("clinic", key, "part")
    assert await keys.unwrap("clinic", wrapped, "part") == key
    with pytest.raises(KeysUnavailable, match="answered 403"):
        await keys.unwrap("clinic", wrapped, "other")


@pytest.mark.parametrize(
    ("status", "text", "why"),
    [
        (503, b"", "answered 503"),
        (307, b"", "answered 307"),
        (200, b"<html>", "cannot be read"),
        (200, b"[]", "cannot be read"),
        (200, b'{"wrapped": "%"}', "cannot be read"),
    ],
)
async def test_a_key_service_that_does_not_answer_well_is_refused_by_name(
    service: Callable[[Answer], str], status: int, text: bytes, why: str
) -> None:
    keys = HttpKeys(service(lambda path, body: (status, text)), "", 5.0)
    with pytest.raises(KeysUnavailable, match=why):
        await keys.wrap("clinic", new_key(), "part")


async def test_a_key_service_that_is_not_there_is_told(service: Callable[[Answer], str]) -> None:
    with pytest.raises(KeysUnavailable, match="cannot be reached"):
        await HttpKeys("http://127.0.0.1:9", "", 5.0).wrap("clinic", new_key(), "part")


async def test_a_key_service_that_hangs_is_waited_for_no_longer_than_is_set(
    service: Callable[[Answer], str],
) -> None:
    hung = threading.Event()

    def hangs(path: str, body: dict[str, str]) -> tuple[int, bytes]:
        hung.wait()
        return 200, b""

    with pytest.raises(KeysUnavailable):
        await HttpKeys(service(hangs), "", 0.2).wrap("clinic", new_key(), "part")
    hung.set()
