"""Who is let in, and where a session goes on: everything a handle is bound to is checked before a slot is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.gateway.agreement.bounds import MOST_DEATHS, require_number
from services.gateway.agreement.callers import Caller, caller
from services.gateway.resume.handles import Bond, Handles, config_digest, require_same, tenant_digest
from services.gateway.resume.lives import Lives
from services.gateway.resume.received import continued
from services.gateway.settings import GatewaySettings
from services.gateway.values.continuation import Continuation, Position, beginning
from services.gateway.values.terms import Terms

if TYPE_CHECKING:
    import grpc

    AnyContext: TypeAlias = grpc.aio.ServicerContext[Any, Any]
FATAL_DEATHS = 2  # of servers over the same work, after which it is left out


class Admission:
    """The gateway's word on handles: it gives them and takes them."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._handles = Handles(settings.signing_keys(), settings.resume_ttl_ms)
        self._tenant_metadata = settings.tenant_metadata

    def caller(self, context: AnyContext) -> Caller:
        """Whose call it is, as the proxy before us names it, and where it comes from."""
        return caller(context.invocation_metadata(), self._tenant_metadata, context.peer())

    def goes_on(self, hello: pb.SessionConfig, terms: Terms, tenant: str, lives: Lives) -> Continuation:
        """Where the session of a hello goes on. Raises InvalidArgument when it cannot, saying why."""
        if not hello.resume:
            if hello.HasField("received"):
                message = "Without a handle there is no session that it could belong to."
                raise InvalidArgument("RECEIVED_WITHOUT_RESUME", message, "hello.received", ["unset, without resume"])
            for field in ("deaths", "lost_server"):
                if getattr(hello, field):
                    message = "Without a handle there is no session that a server was lost with."
                    raise InvalidArgument("FIELD_NOT_READ", message, f"hello.{field}", ["unset, without resume"])
            return beginning(terms.session_id)
        bond, position = self._handles.read(hello.resume)
        require_same(bond, terms, tenant)
        lives.require_newest(bond.session_id, bond.epoch)
        lives.require_bearable(bond.session_id)
        require_number(hello.deaths, MOST_DEATHS, "hello.deaths")
        deaths = hello.deaths - (hello.lost_server == lives.server)
        for index, segment in enumerate(hello.received.segments):
            if segment.transcript.language not in ("", *terms.spoken_langs):
                path = f"hello.received.segments[{index}].transcript.language"
                message = f"{quoted(segment.transcript.language)} is no source language of the session."
                raise InvalidArgument("RECEIVED_INCONSISTENT", message, path, terms.spoken_langs)
        goes_on = continued(bond, position, hello, self._handles.age_ms(bond))
        return replace(goes_on, fatal=deaths >= FATAL_DEATHS)

    def signature(self, terms: Terms, goes_on: Continuation, tenant: str) -> Callable[[Position], str]:
        """Makes the handles of one call. A FLAC stream cannot be cut, so there are none for it."""
        if terms.input and terms.input.format == "flac":
            return lambda position: ""
        born = self._handles.born(goes_on.age_ms)
        bond = Bond(terms.session_id, goes_on.epoch, config_digest(terms), tenant_digest(tenant), born)
        return lambda position: self._handles.sign(bond, position)
