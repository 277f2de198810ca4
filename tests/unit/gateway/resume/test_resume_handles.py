"""A handle says where a session goes on, to those who have the key, for as long as it lives."""

from __future__ import annotations

import jwt
import pytest
from pydantic import ValidationError

from services.common.errors import InvalidArgument, StageFailed
from services.gateway.resume.handles import Handles
from services.gateway.resume.lives import Lives
from services.gateway.settings import GatewaySettings
from services.gateway.values.continuation import Bond, Position

BOND = Bond("session", 3, "config", "tenant")
POSITION = Position(16_000, 4, {"es": 24_000}, 2_000)
OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_signed_is_read_again() -> None:
    handles = Handles(OLD, 1000)
    assert handles.read(handles.sign(BOND, POSITION)) == (BOND, POSITION)


def test_the_first_key_signs_and_any_of_them_reads() -> None:
    both = Handles({**NEW, **OLD}, 1000)
    assert both.read(Handles(OLD, 1000).sign(BOND, POSITION)) == (BOND, POSITION)
    assert jwt.get_unverified_header(both.sign(BOND, POSITION))["kid"] == "new"


def refused(handles: Handles, handle: str) -> str:
    with pytest.raises(InvalidArgument) as refusal:
        handles.read(handle)
    assert refusal.value.field == "hello.resume_handle"
    assert refusal.value.accepted
    return refusal.value.code


def test_it_expires_by_the_clock_all_gateways_share() -> None:
    clock = Clock()
    handles = Handles(OLD, 60_000, clock)
    handle = handles.sign(BOND, POSITION)
    clock.now += 59
    assert handles.read(handle)
    clock.now -= 86_400  # set back: older handles live longer, none is refused
    assert handles.read(handle)
    clock.now += 86_400 + 2
    assert refused(handles, handle) == "RESUME_EXPIRED"


@pytest.mark.parametrize(
    ("claims", "key", "code"),
    [
        ({"aud": "babelmesh/resume", "exp": 2e9}, b"o" * 32, "RESUME_UNREADABLE"),
        ({"aud": "something else", "exp": 2e9}, b"o" * 32, "RESUME_UNREADABLE"),
        ({"aud": "babelmesh/resume", "exp": 2e9}, b"x" * 32, "RESUME_FORGED"),
    ],
)
def test_what_we_did_not_say_is_no_handle(claims: dict[str, object], key: bytes, code: str) -> None:
    assert refused(Handles(OLD, 1000), jwt.encode(claims, key, "HS256", headers={"kid": "old"})) == code


def test_a_token_without_a_signature_is_refused() -> None:
    handles = Handles(OLD, 1000)
    _, claims, _ = handles.sign(BOND, POSITION).split(".")
    header = jwt.utils.base64url_encode(b'{"alg":"none","kid":"old","typ":"JWT"}').decode()
    assert refused(handles, f"{header}.{claims}.") == "RESUME_FORGED"


@pytest.mark.parametrize(
    "keys", ["", "secret-alone", "a:short-secret", "a:" + "s" * 32 + ",a:" + "t" * 32, ":" + "s" * 32]
)
def test_a_key_that_is_none_is_refused_without_showing_it(keys: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        GatewaySettings(resume_keys=keys)
    assert "resume_keys" in str(refusal.value)
    assert not keys or keys not in str(refusal.value)
    assert "short-secret" not in str(refusal.value)


def test_a_key_is_not_shown_by_its_settings() -> None:
    settings = GatewaySettings(resume_keys="a:" + "s" * 32)
    assert "ssss" not in repr(settings)
    assert settings.signing_keys() == {"a": b"s" * 32}


def test_without_keys_each_process_has_its_own() -> None:
    handle = Handles(GatewaySettings().signing_keys(), 1000).sign(BOND, POSITION)
    assert refused(Handles(GatewaySettings().signing_keys(), 1000), handle) == "RESUME_FORGED"


def test_a_reserve_leaves_slots_for_new_sessions() -> None:
    with pytest.raises(ValidationError, match="reserved"):
        GatewaySettings(slots=2, reserved_slots=2)


def test_a_handle_is_used_up_by_the_call_whose_client_spoke() -> None:
    lives = Lives(60, Clock())
    with lives.running("session", 1) as life:
        lives.require_newest("session", 0)
        lives.proved(life)
        with pytest.raises(InvalidArgument, match="gone on") as refusal:
            lives.require_newest("session", 0)
    assert refusal.value.code == "RESUME_REUSED"
    lives.require_newest("session", 1)


def test_what_is_remembered_of_handles_is_bounded_in_number_and_time() -> None:
    clock = Clock()
    lives = Lives(60, clock)
    for number in range(10_001):
        with lives.running(f"{number}", 1) as life:
            lives.proved(life)
    lives.require_newest("0", 0)
    with pytest.raises(InvalidArgument):
        lives.require_newest("1", 0)
    clock.now += 61
    with lives.running("another", 1) as life:
        lives.proved(life)
    lives.require_newest("1", 0)


async def test_nobody_comes_in_while_the_server_stops() -> None:
    lives = Lives(60)
    await lives.drain(0)
    with pytest.raises(StageFailed, match="about to stop") as refusal, lives.running("session", 0):
        pass
    assert refusal.value.code == "DRAINING"
