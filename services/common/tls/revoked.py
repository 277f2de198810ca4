"""Certificates that are not good any more, though an authority vouches for them and they have not expired.

gRPC's Python has no revocation lists. What it has is the certificate that a caller has shown, in each call: so a caller
is looked up by the names in it, and by its serial number, in a file that is read again when it changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from services.common.errors import InvalidArgument
from services.common.revoked import Revoked

SERIAL = "serial:"
_DNS = re.compile(r"[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_SPIFFE = re.compile(r"spiffe://[^\s]+")
_PEM = "x509_pem_cert"  # what gRPC calls it in a call's auth_context


def revoked_certificates(path: Path | None, setting: str) -> Revoked:
    """Return the certificates that a file revokes. Raises InvalidArgument where it cannot be used at the start."""
    found = Revoked(path, "certificates", name_of)
    if found.set:
        try:
            found.read()
        except (OSError, ValueError) as error:
            accepted = ("spiffe://domain/path", "a DNS name", "serial:5F3A, as openssl x509 -serial prints it")
            raise InvalidArgument("REVOCATIONS_UNUSABLE", f"{path}: {error}", setting, accepted) from None
        found.reload()
    return found


def name_of(line: str) -> str:
    """Return a line of the file as certificates are looked up. Raises ValueError for one that can be no certificate's.

    A line that is read wrong would leave a certificate good.
    """
    if line.lower().startswith(SERIAL):
        return serial_of(int(line[len(SERIAL) :].replace(":", ""), 16))
    if _SPIFFE.fullmatch(line) or _DNS.fullmatch(line):
        return line
    raise ValueError("a line is no SPIFFE id, DNS name or serial number")


def serial_of(number: int) -> str:
    """Return a serial number as it is looked up."""
    return f"{SERIAL}{number:X}"


def serials(auth_context: Mapping[str, Iterable[bytes]]) -> list[str]:
    """Return the serial number of the certificate that a caller has shown; none where it has shown none."""
    return [_serial(pem) for pem in auth_context.get(_PEM, ())]


@lru_cache(maxsize=256)
def _serial(pem: bytes) -> str:
    return serial_of(x509.load_pem_x509_certificate(pem).serial_number)
