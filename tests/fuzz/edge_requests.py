"""What strangers ask of an edge by HTTP, made from a seed: offers for WebRTC, readers of captions, and rooms. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

LOCATION, TAG, SESSION, KEY = "@location", "@tag", "@session", "@key"  # stand for the newest that the sequence got
SDP, FRAGMENT, JSON = "application/sdp", "application/trickle-ice-sdpfrag", "application/json"
KINDS = (SDP, JSON, "multipart/form-data; boundary=b", "multipart/form-data", "text/plain", "")
ROOMS = ("hall", "hall", "caf%C3%A9", "%00", "..", "x" * 300, "%F0%9F%8E%89")
_FINGERPRINT = ":".join(["AB"] * 32)
OFFER = f"""v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic: WMS
m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=ice-options:trickle
a=fingerprint:sha-256 {_FINGERPRINT}
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=ssrc:1001 cname:x
a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:sha-256 {_FINGERPRINT}
a=setup:actpass
a=mid:1
a=sctp-port:5000
a=max-message-size:262144
""".splitlines()
ODD_LINES = (
    "",
    "a=",
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "m=audio 0 RTP/AVP 0",
    "a=candidate:1 1 udp 1 :: 0 typ relay raddr x rport -1",
    "a=candidate:1 1 udp 2130706431 example.invalid 9 typ host",
    "a=rtpmap:111 opus/0/0",
    "a=rtpmap:x y/z",
    "a=fmtp:111 useinbandfec",
    "a=ssrc:x cname",
    "a=max-message-size:0",
    "a=max-message-size:-5",
    "a=setup:holdconn",
    "a=setup:passive",
    "a=inactive",
    "a=mid:" + "9" * 4000,
    "a=sctp-port:99999",
    "a=extmap:0 x",
    "a=end-of-candidates",
    "\u2028a=\x00",
)
RESTART = ("a=ice-ufrag:efgh", "a=ice-pwd:abcdefghijklmnopqrstuvwy")
CANDIDATES = ("a=candidate:2 1 udp 2130706431 127.0.0.1 10 typ host", "a=end-of-candidates")


@dataclass(frozen=True, slots=True)
class Request:
    """One request by HTTP. The answer is read for so long, and no longer."""

    method: str
    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    seconds: float


def connections(chance: Random) -> list[Request]:
    """Return requests for a connection by WebRTC, and what may come for it later."""
    path = chance.choice(_PLACES).replace("@room", chance.choice(ROOMS))
    kind, body = _offer(chance)
    asked = [_request(chance, "POST", path + _query(chance), body, ("Content-Type", kind))]
    for _ in range(chance.choice([0, 0, 1, 2])):
        lines = _changed([*chance.choice([RESTART, (), RESTART[:1]]), *CANDIDATES], chance, 0.1)
        match = chance.choice([TAG, TAG, "*", '"x"', ""])
        told = ("Content-Type", chance.choice([FRAGMENT, FRAGMENT, SDP])), ("If-Match", match)
        asked.append(_request(chance, "PATCH", LOCATION, "\r\n".join(lines), *told))
    if chance.random() < 0.6:
        asked.append(_request(chance, "DELETE", LOCATION, ""))
    return asked


_PLACES = (
    "/v1/realtime/calls",
    "/v1/realtime/calls",
    "/v1/realtime/translations/calls",
    "/v1/rooms/@room/whip",
    "/v1/rooms/@room/whep",
)


def readers(chance: Random) -> list[Request]:
    """Return requests of somebody who reads along with a session."""
    found = []
    for _ in range(chance.choice([1, 1, 3])):
        session, key = chance.choice([SESSION, SESSION, "x", "%2e%2e"]), chance.choice([KEY, KEY, KEY, "eA", "", "é"])
        lang = chance.choice(_READ)
        last = chance.choice(["", "5", "x-9", "9" * 500])
        headers = [("Authorization", f"Bearer {key}")] + ([("Last-Event-ID", last)] if last else [])
        found.append(_request(chance, "GET", f"/v1/sessions/{session}/captions{lang}", "", *headers))
    return found


_READ = ("", "?lang=es", "?lang=es&lang=fr", "?lang=%00", "?partial_results=x", "?" + "lang=es&" * 40)


def room_pages(chance: Random) -> list[Request]:
    """Return requests for what rooms tell by HTTP."""
    path = f"/v1/rooms/{chance.choice(ROOMS)}{chance.choice(['', '/transcript', '/transcript', '/qr'])}"
    query = chance.choice(["", "?format=srt", "?format=minutes&lang=spoken", "?lang=xx", "?format=x", "?speaker=%ff"])
    return [_request(chance, chance.choice(["GET", "GET", "GET", "POST", "DELETE"]), path + query, "")]


def _request(chance: Random, method: str, path: str, body: str, *headers: tuple[str, str]) -> Request:
    data = body.encode("utf-8", "surrogatepass")
    if data and chance.random() < 0.05:
        data = chance.choice([b"", data[: len(data) // 2], chance.randbytes(2000), data * 200])
    return Request(method, path, headers, data, chance.choice([0.05, 0.3, 2.0]))


def _query(chance: Random) -> str:
    parts = ["source_lang=en", "target_lang=es", "original=ducked", "lang=es", "voice=x", "role=speaker", "name=%00"]
    named = chance.sample(parts, chance.randrange(3))
    return f"?{'&'.join(named)}" if named else ""


_SESSIONS: Sequence[dict[str, object]] = (
    {"source_lang": "en", "target_lang": "es"},
    {},
    {"input": {}},
    {"targets": [{"lang": "xx"}]},
)


def _offer(chance: Random) -> tuple[str, str]:
    """Return a body with an offer, and its type."""
    lines = OFFER if chance.random() < 0.4 else _changed(OFFER, chance, 0.04)
    sdp, kind = "\r\n".join(lines) + "\r\n", chance.choice(KINDS if chance.random() < 0.2 else KINDS[:3])
    session = chance.choice(
        [{"source_lang": "en", "target_lang": "es"}, {}, {"input": {}}, {"targets": [{"lang": "xx"}]}]
    )
    if kind == JSON:
        return kind, json.dumps({"sdp": sdp, **({"session": session} if chance.random() < 0.8 else {})})
    if kind.startswith("multipart"):
        parts = {"sdp": sdp, "session": json.dumps(session)}
        head = 'Content-Disposition: form-data; name="{}"'
        told = [f"--b\r\n{head.format(name)}\r\n\r\n{value}\r\n" for name, value in parts.items()]
        return kind, "".join(told) + "--b--\r\n"
    return kind, sdp


def _changed(lines: Sequence[str], chance: Random, often: float) -> list[str]:
    """Return lines of which some are left out, said twice, cut, or followed by odd ones."""
    found: list[str] = []
    for line in lines:
        match chance.random() / often:
            case at if at < 0.25:
                continue
            case at if at < 0.45:
                found += [line, line]
            case at if at < 0.65:
                found.append(line[: chance.randrange(len(line) + 1)])
            case at if at < 1:
                found += [line, chance.choice(ODD_LINES)]
            case _:
                found.append(line)
    return found
