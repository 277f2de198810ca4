"""A hub of models, as far as huggingface_hub needs one to fetch files, with its failures."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_RESOLVE = re.compile(r"/(?P<repository>[\w.-]+/[\w.-]+)/resolve/(?P<revision>[\w.-]+)/(?P<path>.+)")
_INFO = re.compile(r"/api/models/(?P<repository>[\w.-]+/[\w.-]+)(/revision/(?P<revision>[\w.-]+))?")


@dataclass
class Hub:
    """One repository with one commit."""

    repository: str
    files: Mapping[str, bytes]
    commit: str = COMMIT
    breaks_at: int | None = None  # bytes of a body after which its connection ends, once
    asked: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)  # bytes of each file
    address: str = ""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serves for the block."""

    class Handler(_Handler):
        serves = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    serves: Hub
    timeout = 5

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *rest: object) -> None:
        return

    def _answer(self, with_body: bool) -> None:
        self.serves.asked.append(f"{self.command} {self.path}")
        file, info = _RESOLVE.fullmatch(self.path), _INFO.fullmatch(self.path)
        asked = file or info
        if not asked or asked["repository"] != self.serves.repository:
            return self._refuse("RepoNotFound")
        if asked["revision"] not in (None, "main", self.serves.commit):
            return self._refuse("RevisionNotFound")
        if file is None:
            return self._send({}, json.dumps({"id": asked["repository"], "sha": self.serves.commit}).encode())
        if file["path"] not in self.serves.files:
            return self._refuse("EntryNotFound")
        self._send_file(file["path"], with_body)

    def _refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_file(self, path: str, with_body: bool) -> None:
        content = self.serves.files[path]
        told = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": self.serves.commit}
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        if start:
            told["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(told, content[start:], path if with_body else "", 206 if start else 200, with_body)

    def _send(
        self, headers: Mapping[str, str], body: bytes, path: str = "", status: int = 200, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if not with_body:
            return
        if path and self.serves.breaks_at is not None:
            body, self.serves.breaks_at = body[: self.serves.breaks_at], None
            self.close_connection = True
        self.wfile.write(body)
        if path:
            self.serves.sent[path] = self.serves.sent.get(path, 0) + len(body)
