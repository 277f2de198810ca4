"""The certificate of a local mesh's page: signed by itself, for this machine's names and addresses, kept and renewed.

Browsers give a microphone to https pages and to localhost alone, so a phone needs one. Nobody vouches for it: browsers
say so once for each machine, and go on when they are told to.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from babelmesh.cli.private import private_folder, replacing

DAYS = 397  # the longest that browsers take
RENEWED_DAYS = 30  # before its end
NOWHERE = ("192.0.2.1", 9)  # RFC 5737: no machine has it; what is asked is which of ours would call it


@dataclass(frozen=True, slots=True)
class Pair:
    """The files (PEM) of a certificate and its key."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256, as browsers show it."""
        return _read(self.certificate).fingerprint(hashes.SHA256()).hex(":").upper()


def own_address() -> str:
    """Return the address that this machine has in its network; "" where it is in none. Nothing is sent for that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(NOWHERE)
        except OSError:
            return ""
        return str(asking.getsockname()[0])


def names(address: str) -> tuple[str, ...]:
    """Return the names and addresses that the page of an address is reached by."""
    host = socket.gethostname().lower()
    short = host.partition(".")[0]
    return tuple(dict.fromkeys((address, host, short, f"{short}.local", "localhost", "127.0.0.1", "::1")))


def kept(folder: Path, holds: Sequence[str]) -> Pair:
    """Return the certificate that a folder keeps; a new one where it ends soon, is unreadable, or lacks a name.

    Raises OutputUnwritable.
    """
    pair = Pair(folder / "page.crt", folder / "page.key")
    if not _is_good(pair, holds):
        private_folder(folder)
        _make(pair, holds)
    return pair


def _is_good(pair: Pair, holds: Sequence[str]) -> bool:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=RENEWED_DAYS)
    try:
        found = _read(pair.certificate)
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return pair.key.exists() and found.not_valid_after_utc > soon and set(map(_name, holds)) <= set(held)


def _make(pair: Pair, holds: Sequence[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Babelmesh on this machine")])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # for phones whose clock is slow
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(list(map(_name, holds))), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    for path, pem in (
        (pair.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
        (pair.certificate, made.public_bytes(Encoding.PEM)),
    ):
        with replacing(path) as unfinished:
            unfinished.write_bytes(pem)


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _name(holds: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(holds))
    except ValueError:
        return x509.DNSName(holds)
