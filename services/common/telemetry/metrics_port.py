"""The admin port: metrics at /metrics, for Prometheus, and nothing else. Served by threads of its own."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from services.common.errors import InvalidArgument

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)

PATH = "/metrics"
_POLL_SECONDS = 0.1  # how soon the server's thread sees that it is to end
_PATIENCE_SECONDS = 5.0  # with a connection on which nothing comes


class _Server(ThreadingWSGIServer):
    """An HTTP server with a thread per request, so that a scraper that hangs does not block others."""


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing about requests, as log lines would show addresses."""


@contextmanager
def served(address: str, setting: str) -> Iterator[PrometheusMetricReader]:
    """Serve metrics on the address for the block, and yield their reader. Raises InvalidArgument.

    Raises InvalidArgument, naming the setting, when the address cannot be listened on.
    """
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)  # one scope: it would say nothing
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    kind = _ServerV6 if ":" in host else _Server
    try:
        server = make_server(host, int(port), _only_metrics(make_wsgi_app(registry)), kind, _Handler)
    except (OSError, ValueError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidArgument("ADMIN_ADDRESS", f"{address} cannot be listened on: {why}.", setting) from error
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="admin", daemon=True)
    thread.start()
    log.info("metrics served", extra={"fields": {"port": server.server_port}})
    try:
        yield reader
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _only_metrics(app: Callable[..., Any]) -> Callable[..., Iterable[bytes]]:
    def answer(request: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if request["PATH_INFO"] == PATH:
            return app(request, start)  # type: ignore[no-any-return]  # the library types it as any callable
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"Metrics are at {PATH}.\n".encode()]

    return answer
