"""Certificate authorities for one run, by the program openssl: what cert-manager or SPIRE is elsewhere."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate and its key."""

    certificate: Path
    key: Path

    def replace(self, by: Leaf) -> None:
        """Put another certificate and its key into the files of this one, each whole."""
        for own, other in ((self.certificate, by.certificate), (self.key, by.key)):
            swap(own, other.read_bytes())


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that signs in a folder."""

    folder: Path
    name: str

    @classmethod
    def made(cls, folder: Path, name: str = "ca") -> Authority:
        """Return a new authority, with a key of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder, name)
        signs = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")  # as Python asks for from 3.13 on
        subject = ("-subj", f"/CN={name}", *signs)
        _openssl("req", "-x509", "-days", "2", *KEY, *subject, "-keyout", made._key, "-out", made.file)
        return made

    @property
    def file(self) -> Path:
        """Its own certificate, which those trust who are to trust what it signs."""
        return self.folder / f"{self.name}.crt"

    @property
    def _key(self) -> Path:
        return self.folder / f"{self.name}.key"

    def leaf(self, name: str, holds: str, *, use: str = "serverAuth,clientAuth") -> Leaf:
        """Sign a certificate for what it holds, as openssl says it: "DNS:localhost,URI:spiffe://mesh/gateway"."""
        made = Leaf(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        issued = "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\nkeyUsage=critical,digitalSignature\n"
        extensions.write_text(f"basicConstraints=CA:FALSE\n{issued}extendedKeyUsage={use}\nsubjectAltName={holds}\n")
        _openssl("req", "-new", *KEY, "-subj", f"/CN={name}", "-keyout", made.key, "-out", request)
        signing = ("-CA", self.file, "-CAkey", self._key, "-CAcreateserial", "-days", "2")
        _openssl("x509", "-req", "-in", request, *signing, "-extfile", extensions, "-out", made.certificate)
        return made


def swap(path: Path, content: bytes) -> None:
    """Replace a file, so that who reads it sees a whole one."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(("openssl", *arguments), check=True, capture_output=True, timeout=30)
