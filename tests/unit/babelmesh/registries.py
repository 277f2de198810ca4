"""Registries of packages as far as fetching models needs them: an index of wheels, and an npm program that obeys."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def wheel(name: str, files: Mapping[str, bytes], version: str = "1.0", tag: str = "py3-none-any") -> tuple[str, bytes]:
    """The name and the content of a wheel that holds files."""
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: not-there\n"
    inside = {
        **files,
        f"{about}/METADATA": metadata.encode(),
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=") for path, data in inside.items()
    }
    record = "".join(f"{path},sha256={digests[path].decode()},{len(data)}\n" for path, data in inside.items())
    inside[f"{about}/RECORD"] = f"{record}{about}/RECORD,,\n".encode()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, data in inside.items():
            archive.writestr(path, data)
    return f"{name}-{version}-{tag}.whl", content.getvalue()


def tarball(files: Mapping[str, bytes]) -> bytes:
    """The content of an npm package."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


@dataclass(frozen=True, slots=True)
class Pip:
    """A pip that has the wheels of a folder, in the place of the real one where that does not matter."""

    folder: Path

    @property
    def program(self) -> str:
        """Its path."""
        return str(self.folder / "pip")

    @property
    def sent(self) -> dict[str, int]:
        """How often each wheel was downloaded."""
        log = self.folder / "sent"
        return dict(Counter(log.read_text().split())) if log.exists() else {}

    def offers(self, *wheels: tuple[str, bytes]) -> None:
        """Have wheels, all others gone."""
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.glob("*.whl"):
            path.unlink()
        for name, content in wheels:
            (self.folder / name).write_bytes(content)
        (self.folder / "pip").write_text(f"""#!/bin/sh
cd {self.folder}
wheel=$(echo $2 | /bin/sed 's/==/-/; s/-\\(.*-\\)/_\\1/')
[ -e $wheel-*.whl ] || {{ echo "ERROR: No matching distribution found for $2" >&2; exit 1; }}
/bin/cp $wheel-*.whl $4 && echo $wheel-*.whl >>sent
""")
        (self.folder / "pip").chmod(0o755)


@dataclass
class Index:
    """An index of wheels, by their names. It counts how often each was sent."""

    wheels: dict[str, bytes]
    breaks_at: int | None = None  # bytes of a body after which its connection ends, always
    sent: dict[str, int] = field(default_factory=dict)
    address: str = "http://127.0.0.1:9/simple"  # where nothing listens

    @property
    def variables(self) -> dict[str, str]:
        """What makes pip use it alone."""
        own = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": self.address, "PIP_RETRIES": "0"}
        return {**own, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "PIP_CONSTRAINT": "", "no_proxy": "127.0.0.1"}


@contextmanager
def serving(index: Index) -> Iterator[Index]:
    """Serve for the block."""

    class Handler(_Handler):
        serves = index

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    index.address = f"http://127.0.0.1:{server.server_port}/simple"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    serves: Index
    timeout = 5

    def do_GET(self) -> None:
        name = self.path.rsplit("/", maxsplit=1)[-1]
        if name in self.serves.wheels:
            self.serves.sent[name] = self.serves.sent.get(name, 0) + 1
            content = self.serves.wheels[name]
            self._send(content, content[: self.serves.breaks_at])
            return
        project = self.path.rstrip("/").rsplit("/", maxsplit=1)[-1].replace("-", "_")
        links = [f'<a href="/files/{name}">{name}</a>' for name in self.serves.wheels if name.startswith(f"{project}-")]
        page = f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()
        self._send(page, page, 200 if links else 404)

    def log_message(self, format: str, *rest: object) -> None:
        return

    def _send(self, promised: bytes, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(promised)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


def npm(folder: Path, archive: bytes | None, says: str = "") -> str:
    """A PATH whose npm packs an archive, or fails with a message; the programs it needs are there as well."""
    folder.mkdir()
    if archive is not None:
        (folder / "package.tgz").write_bytes(archive)
    script = f"""#!/bin/sh
for argument; do case $argument in --pack-destination=*) place=${{argument#*=}};; esac; done
[ -z '{says}' ] || {{ echo '{says}' >&2; exit 1; }}
/bin/cp {folder}/package.tgz "$place/package-1.0.0.tgz"
"""
    (folder / "npm").write_text(script)
    (folder / "npm").chmod(0o755)
    return str(folder)
