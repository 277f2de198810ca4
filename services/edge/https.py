"""HTTPS for browsers: each handshake is made with the newest certificate, and connections that stand go on."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Never

from services.common.cancelling import TaskGroup
from services.common.tls.kept import Kept
from services.common.tls.pems import File
from services.common.tls.serving import NOBODY, file_of, serving
from services.edge.settings import EdgeSettings

BROWSERS = "browsers"
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2: with forward secrecy and an AEAD; those of 1.3 all have both


class Https:
    """What connections are encrypted by."""

    def __init__(self, kept: Kept, certificate: File, key: File) -> None:
        self._kept = kept
        self._certificate, self._key = certificate, key
        self._newest = self._made()
        self.context = self._made()  # what uvicorn begins each handshake with
        self.context.sni_callback = self._renewed

    def _renewed(self, handshake: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """Have a handshake that begins go on with the newest certificate; clients that name no host come here, too."""
        handshake.context = self._newest

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_CIPHERS)
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(self._certificate.path, self._key.path)
        return context

    async def run(self, seconds: float) -> None:
        """Look for new files every so many seconds, until cancelled."""
        async with TaskGroup() as tasks:
            tasks.create_task(self._kept.run(seconds))
            tasks.create_task(self._follow())

    async def _follow(self) -> Never:
        while True:
            await self._kept.replaced.wait()
            with suppress(OSError):  # they changed once more since they were checked, which the next look finds
                self._newest = self._made()


def https_of(settings: EdgeSettings) -> Https | None:
    """Return what browsers' connections are encrypted by; None where plaintext is asked for, or stays on this machine.

    Raises InvalidArgument, whose field is the setting at fault.
    """
    kept = serving(settings, "edge", BROWSERS, settings.listen, NOBODY).files
    certificate, key = file_of(settings, "tls_certificate"), file_of(settings, "tls_key")
    return Https(kept, certificate, key) if kept and certificate and key else None
