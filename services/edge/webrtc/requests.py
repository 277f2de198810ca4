"""Requests for a connection: an offer, and the session it is for, from any of the bodies that clients send."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge.faults import Fault
from services.edge.fields import Json, as_object, as_text
from services.edge.realtime.hello import Asked, asked
from services.edge.realtime.inputs import parsed
from services.edge.rest import body
from services.edge.webrtc.fragments import MOST_BYTES, Offer, offer
from services.edge.webrtc.voice import RATE

SDP, FRAGMENT, FORM, JSON = (
    "application/sdp",
    "application/trickle-ice-sdpfrag",
    "multipart/form-data",
    "application/json",
)
PARAMETERS = ("source_lang", "target_lang", "original")
ORIGINALS = ("off", "ducked")
_FIELDS = ("sdp", "session", "resume_handle", "received", "deaths", "lost_server", "version")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A connection as it was asked for."""

    offer: Offer
    asked: Asked
    original: bool  # whether the client plays its own audio, turned down under the voice


async def offered(request: Request) -> Json:
    """Return the fields of a request for a connection, its offer as `sdp`. Raises Fault and InvalidArgument."""
    kind = kind_of(request, (SDP, FORM, JSON))
    if kind == FORM:
        return await _form(request)
    text = await body.raw(request, MOST_BYTES)
    try:
        return {"sdp": text.decode()} if kind == SDP else parsed(text.decode())
    except UnicodeDecodeError:
        raise InvalidArgument("UNREADABLE_MESSAGE", "The body is no UTF-8.", "body", [SDP]) from None


def kind_of(request: Request, accepted: tuple[str, ...]) -> str:
    """Return the type of a request's body. Raises Fault for one that is not taken."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in accepted:
        raise Fault(415, "UNSUPPORTED_TYPE", "A body of this type is not taken here.", "content-type", accepted)
    return kind


def read_offer(told: Json) -> Offer:
    """Return the offer among a request's fields. Raises InvalidArgument."""
    if "sdp" not in told:
        raise InvalidArgument("FIELD_MISSING", "There is no offer.", "sdp", ["SDP"])
    return offer(as_text(told["sdp"], "sdp"))


def wanted(told: Json, query: Mapping[str, str], described: pb.DescribeResponse) -> Wanted:
    """Read what a client of the edge's own protocol asks for. Raises InvalidArgument."""
    for name in told:
        if name not in _FIELDS:
            raise InvalidArgument("UNKNOWN_FIELD", "There is no such field here.", name[:64], list(_FIELDS))
    found = read_offer(told)
    session = dict(as_object(told.get("session") or {}, "hello.session"))
    for name in ("input", "output"):
        if name in session:
            message = "Audio over WebRTC has the format that offer and answer agree on."
            raise InvalidArgument("FORMAT_OF_TRACKS", message, f"hello.session.{name}", ["none"])
    original = session.pop("original", None) or query.get("original") or ORIGINALS[0]
    if original not in ORIGINALS:
        raise InvalidArgument("UNKNOWN_VALUE", "It has no meaning.", "hello.session.original", list(ORIGINALS))
    if "source_lang" in query:
        session.setdefault("source_lang", query["source_lang"])
    hello = {name: value for name, value in told.items() if name not in ("sdp", "session")} | {"session": session}
    return Wanted(found, _spoken(asked(hello, query.get("target_lang", ""), described), found), original == "ducked")


def _spoken(made: Asked, found: Offer) -> Asked:
    """Return a session with one voice at most, and none where nobody plays it. Raises InvalidArgument."""
    spoken = [each for each in made.config.targets if each.delivery != pb.DELIVERY_CAPTIONS]
    for target in spoken if not found.hears else ():
        target.delivery = pb.DELIVERY_CAPTIONS
    if found.hears and len(spoken) > 1:
        message = "A connection has one voice: the other targets are captions."
        raise InvalidArgument("ONE_VOICE", message, "hello.session.targets", ['"delivery": "captions"'])
    made.config.output.format, made.config.output.sample_rate = "pcm16le", RATE
    return made


async def _form(request: Request) -> Json:
    data = await body.raw(request, MOST_BYTES)

    async def once() -> AsyncGenerator[bytes, None]:
        yield data

    try:
        form = await MultiPartParser(request.headers, once(), max_files=0, max_fields=len(_FIELDS)).parse()
    except MultiPartException as error:
        raise Fault(400, "UNREADABLE_MESSAGE", "The body cannot be read as a form.", "body", (FORM,)) from error
    found: dict[str, object] = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    if "session" in found:
        found["session"] = parsed(str(found["session"]))
    return found
