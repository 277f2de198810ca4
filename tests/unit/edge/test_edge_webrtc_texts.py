"""SDP and its fragments, messages in parts, and credentials: pure texts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random

import pytest

from services.common.errors import InvalidArgument
from services.edge.webrtc.fragments import Fragment, fragment, mids, offer, written
from services.edge.webrtc.parts import LEAST_BYTES, cut
from services.edge.webrtc.servers import servers

CANDIDATE = "1 1 udp 2130706431 192.0.2.1 50000 typ host"
SDP = f"""v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:0
a=sendonly
a=ice-ufrag:abcd
a=ice-pwd:{"p" * 22}
a=fingerprint:sha-256 AA:BB
a=candidate:{CANDIDATE}
a=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active
a=end-of-candidates
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:1
"""


def test_an_offer_is_read_with_its_ice_apart() -> None:
    found = offer(SDP)
    assert (found.audio, found.data, found.sends, found.hears) == (True, True, True, False)
    assert found.ice == Fragment("abcd", "p" * 22, (CANDIDATE,), True)
    assert "candidate" not in found.sdp
    assert mids(found.sdp) == ("0", "1")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("v=0", "hello"), "UNREADABLE_SDP"),
        (("m=application", "m=video"), "UNSUPPORTED_MEDIA"),
        (("m=application", "m=audio"), "UNSUPPORTED_MEDIA"),
        (("a=ice-pwd", "a=other"), "UNREADABLE_SDP"),
        (("a=fingerprint", "a=other"), "UNREADABLE_SDP"),
        (("50000 typ", "port typ"), "UNREADABLE_SDP"),
        (("a=mid:0", "\n".join(f"a=candidate:{at} {CANDIDATE[2:]}" for at in range(40))), "TOO_MANY_CANDIDATES"),
    ],
)
def test_an_offer_that_cannot_be_answered_is_refused(change: tuple[str, str], code: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        offer(SDP.replace(*change))
    assert caught.value.code == code


def test_a_fragment_is_read_as_it_was_written() -> None:
    told = Fragment("abcd", "p" * 22, (CANDIDATE,), True)
    assert fragment(written(told, ("0", "1"))) == told
    with pytest.raises(InvalidArgument):
        fragment("m=audio 9 RTP/AVP 0\r\n")


def test_a_message_in_parts_is_whole_again_and_no_part_is_larger_than_it_may_be() -> None:
    draw = random.Random(7)
    for limit in (LEAST_BYTES, 700, 16_384):
        text = "".join(draw.choice('añ"\\\n😀x ') for _ in range(3_000))
        message = json.dumps({"type": "final_asr", "text": text}, ensure_ascii=False)
        parts = list(cut(message, 3, limit))
        assert max(len(each.encode()) for each in parts) <= limit
        told = [json.loads(each) for each in parts]
        if len(parts) > 1:
            assert [each["index"] for each in told] == list(range(told[0]["count"]))
            assert "".join(each["text"] for each in told) == message
    assert list(cut("{}", 1, 0)) == ["{}"]


def test_credentials_are_those_that_coturn_reckons() -> None:
    stun, turn = servers(("stun:a:1", "turn:b:2?transport=udp"), "secret", 1_700_000_000, "x")
    assert stun.told() == {"urls": ["stun:a:1"]}
    expected = base64.b64encode(hmac.new(b"secret", b"1700000000:x", hashlib.sha1).digest()).decode()
    assert (turn.username, turn.credential) == ("1700000000:x", expected)
    assert turn.link().startswith('<turn:b:2?transport=udp>; rel="ice-server"; username="1700000000:x"')


@pytest.mark.parametrize("port", ["65536", "99999", "²", "1" * 400])
def test_a_candidate_at_no_port_is_refused_by_its_field(port: str) -> None:
    line = f"a=candidate:1 1 udp 2130706431 192.0.2.1 {port} typ host\r\n"
    with pytest.raises(InvalidArgument) as refused:
        fragment(line)
    assert (refused.value.code, refused.value.field) == ("UNREADABLE_SDP", "sdp")
