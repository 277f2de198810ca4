"""The exceptions of the package, as its users meet them.

BabelmeshError        str() is one line a person can act on
├── SessionFailed     the server refused, failed or is not there: `code` says which
├── AddressUnusable   an address, or what is to be trusted there, makes no sense
├── TokenUnusable     there is no token where one was named, or it is none
├── AudioUnreadable   a file or a microphone gives no audio
├── GlossaryUnreadable  a file holds no glossary
├── PromptMissing     the recorded speech of the demo is not installed
├── ModelsFailed      a model bundle cannot be fetched, made or served
├── MuxFailed         a recording and its translations cannot be put into one file
├── Incomplete        a session is over, and something of its input was left out
├── NothingRecognized no word was recognized in a file: its subtitles are empty
├── OutputUnwritable  a file or folder cannot be written: no room, no permission
├── ServerMissing     the services are not installed, which a command would run or read
└── MeshFailed        a local service did not start, or died
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from babelmesh.client.events import Error

UNREACHABLE = "UNREACHABLE"  # no server answered
_UNTRUSTED = "certificate_verify_failed"  # of gRPC's words, in lower case
_BROKE = ("socket closed", "connection reset")  # gRPC's words alone tell that from one that was never there
CONNECTION_LOST = "CONNECTION_LOST"  # a server answered and is gone


class BabelmeshError(Exception):
    """Base of all exceptions that this package raises itself."""

    exit_status = 1  # of a command that ends by it


class AddressUnusable(BabelmeshError):
    """An address has no known form, or its trusted certificates cannot be used."""


class TokenUnusable(BabelmeshError):
    """A token, or the key that is to sign one, cannot be read or used."""


class AudioUnreadable(BabelmeshError):
    """A source of audio cannot be opened or read, or holds no audio."""


class GlossaryUnreadable(BabelmeshError):
    """A glossary file cannot be read, or does not have the contract's form."""


class PromptMissing(BabelmeshError):
    """The recorded speech that the demo streams is not installed."""


class ModelsFailed(BabelmeshError):
    """A model bundle cannot be fetched, made, found or served."""


class MuxFailed(BabelmeshError):
    """A recording and its translations cannot be muxed into one file."""


class Incomplete(BabelmeshError):
    """A session ended, and some of its input was left out."""

    exit_status = 3


class NothingRecognized(BabelmeshError):
    """A session ended well, but no word was recognized in its input."""

    exit_status = 4


class OutputUnwritable(BabelmeshError):
    """An output file of a session cannot be written."""


class ServerMissing(BabelmeshError):
    """The services are not installed; they are a distribution of their own."""

    def __str__(self) -> str:
        return "This needs the services: pip install babelmesh-server."


class MeshFailed(BabelmeshError):
    """A service of the local mesh did not become ready, or died."""


@dataclass(eq=False)
class SessionFailed(BabelmeshError):
    """The server ended a call with an error, or could not be reached.

    `code` is one of the contract's error codes, UNREACHABLE or CONNECTION_LOST, or the name of a bare gRPC status.
    """

    code: str
    message: str
    field: str = ""  # the field at fault, as a path: "hello.targets[1].voice"
    accepted: Sequence[str] = ()  # what that field accepts
    retry_after_ms: int | None = None  # 0: retry at once; None: a retry fails again
    broke: bool = False  # whether a connection that was there broke

    def __str__(self) -> str:
        accepted = f" Accepted: {', '.join(self.accepted)}." if self.accepted else ""
        return f"{self.field + ': ' if self.field else ''}{self.message}{accepted}"


def from_event(error: Error) -> SessionFailed:
    """Return the exception for an Error event. The event's message may already name the field and accepted values."""
    message = error.message.removeprefix(f"{error.field}: ").removesuffix(f" Accepted: {', '.join(error.accepted)}.")
    retry_after_ms = error.retry_after_ms if error.HasField("retry_after_ms") else None
    return SessionFailed(error.code, message, error.field, tuple(error.accepted), retry_after_ms)


@contextmanager
def typed_failures(address: str, started: bool = False) -> Iterator[None]:
    """Turn gRPC's errors inside the block into SessionFailed."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error, address, started) from None


def from_rpc_error(error: grpc.aio.AioRpcError, address: str, started: bool) -> SessionFailed:
    """Return the exception for a call that ended with a status other than OK; `started` once the server had
    answered.
    """
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads code, details and trailers, which both have
    failure = _bare(error, address, started)
    for detail in status.details if status else ():
        reason, request, retry = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
        )
        if detail.Unpack(reason):
            failure.code, failure.message = reason.reason, error.details() or reason.reason
        elif detail.Unpack(request) and request.field_violations:
            failure.field = request.field_violations[0].field
        elif detail.Unpack(retry):
            failure.retry_after_ms = retry.retry_delay.ToMilliseconds()
    failure.message = failure.message.removeprefix(f"{failure.field}: ")  # str() puts it there again
    return failure


def _bare(error: grpc.aio.AioRpcError, address: str, started: bool) -> SessionFailed:
    details = (error.details() or "").lower()
    if error.code() is grpc.StatusCode.UNAVAILABLE and (strangers := _distrust(address, details)):
        return SessionFailed(UNREACHABLE, strangers)
    if error.code() is grpc.StatusCode.UNAVAILABLE and not started:
        broke = any(words in details for words in _BROKE)
        message = f"No server answers at {address}.{_suspicion(address) if broke else ''}"
        return SessionFailed(UNREACHABLE, message, retry_after_ms=1000, broke=broke)
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        return SessionFailed(CONNECTION_LOST, f"The connection to {address} was lost.", retry_after_ms=1000)
    if error.code() is grpc.StatusCode.UNIMPLEMENTED and not error.trailing_metadata():
        ports = "A gateway has one port for clients and one for operators (7700 and 7710 of `up`)."
        strangers = f"{address} does not serve that. {ports}"
        return SessionFailed(error.code().name, strangers)
    return SessionFailed(error.code().name, error.details() or "The server gave no reason.")


def _distrust(address: str, details: str) -> str:
    """Return why no connection is made by TLS, where gRPC's words tell; else nothing."""
    if "hostname verification" in details:
        return f"The certificate at {address} is for another name than that host's."
    if _UNTRUSTED in details:
        reason = details.partition(_UNTRUSTED)[2].removeprefix(": ").partition(":")[0].strip()
        return f"The certificate at {address} is not one that is trusted here: {reason or 'it was not verified'}."
    if "handshak" in details:
        return f"{address} does not speak TLS, or none that is modern enough."
    return ""


def _suspicion(address: str) -> str:
    """Return what may be wrong where a server takes a connection and closes it without a word."""
    if "://" in address:
        return " The connection was closed: it may ask clients for a certificate, and take no other."
    return " The connection was closed: it may speak TLS, which takes an address that begins with grpcs://."
