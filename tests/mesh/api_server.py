"""As much of a Kubernetes API server as lists and patches pods."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"


@dataclass(frozen=True)
class Request:
    """What was asked of it."""

    method: str
    path: str
    content_type: str
    token: str
    body: Any


@dataclass
class Cluster:
    """Its pods, by name, and what was asked of it."""

    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    refuses: int = 0  # with this status
    port: int = 0

    def add(self, name: str, ip: str, phase: str = "Running", **metadata: Any) -> None:
        self.pods[name] = {"metadata": {"name": name, **metadata}, "status": {"podIP": ip, "phase": phase}}

    def cost(self, name: str) -> str | None:
        """The annotation, as it stands."""
        found = self.pods[name]["metadata"].get("annotations", {}).get(ANNOTATION)
        return None if found is None else str(found)

    def of(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    def answer(self, request: Request) -> tuple[int, Any]:
        self.requests.append(request)
        if self.refuses:
            return self.refuses, {"kind": "Status", "message": "no", "code": self.refuses}
        if request.method == "GET":
            return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(self.pods.values())}
        pod = self.pods.get(request.path.rpartition("/")[2])
        if pod is None:
            return 404, {"kind": "Status", "message": "not found", "code": 404}
        pod["metadata"].setdefault("annotations", {}).update(request.body["metadata"]["annotations"])
        return 200, pod


@contextmanager
def api_server() -> Iterator[Cluster]:
    cluster = Cluster()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            headers = (self.headers.get("Content-Type", ""), self.headers.get("Authorization", ""))
            status, answer = cluster.answer(Request(self.command, self.path, *headers, body))
            written = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_PATCH = answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    cluster.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield cluster
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
