"""Services' names, as libnss-wrapper reads them: a file of hosts that processes look into instead of asking a DNS."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from deploy.local.manifests import Service

LIBRARY = "libnss_wrapper.so"
FOLDERS = ("/usr/lib", "/usr/lib64", "/lib")


def find() -> Path | None:
    """The library, where Debian puts it."""
    return next((path for folder in FOLDERS for path in Path(folder).glob(f"**/{LIBRARY}")), None)


def hosts(services: Iterable[tuple[Service, Sequence[str]]]) -> str:
    """The file, given each Service's ready pods. Pure.

    A ClusterIP spreads connections over its pods; here its name is the first of them.
    """
    lines = ["127.0.0.1 localhost"]
    for service, addresses in services:
        for address in addresses if service.headless else addresses[:1]:
            lines.append(f"{address} {' '.join(_forms(service))}")
    return "\n".join(lines) + "\n"


def _forms(service: Service) -> Sequence[str]:
    """A namespace's own pods say the short one."""
    full = f"{service.name}.{service.namespace}"
    return service.name, full, f"{full}.svc", f"{full}.svc.cluster.local"


class HostsFile:
    """The file under change. Who reads it sees a whole one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._second = int(time.time())

    def write(self, text: str) -> None:
        """Replaces it. The library compares whole seconds of change, so each time is another second."""
        self._second = max(int(time.time()), self._second + 1)
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.utime(new, (self._second, self._second))
        new.replace(self.path)

    def variables(self, library: Path) -> Mapping[str, str]:
        """What a process is started with to read it.

        The library hangs or crashes where two threads look names up while the file changes; the gateway looks them up
        in the threads of libuv, so of those there is one.
        """
        return {"LD_PRELOAD": str(library), "NSS_WRAPPER_HOSTS": str(self.path), "UV_THREADPOOL_SIZE": "1"}
