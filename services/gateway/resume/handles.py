"""Handles: where a session can be continued, signed, so that any gateway with the keys can; and who is let in by one.

A handle is a JWT (RFC 7519). It holds numbers and digests: no text, no audio, no name of a tenant. Nothing is stored.
Everything a handle is bound to is checked before a slot is taken.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace
from typing import Any

import jwt

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.gateway.agreement.bounds import MOST_DEATHS, require_number
from services.gateway.resume.lives import Lives
from services.gateway.resume.received import continued
from services.gateway.settings import GatewaySettings
from services.gateway.values.continuation import Bond, Continuation, Position, beginning
from services.gateway.values.terms import Terms

_FIELD = "hello.resume_handle"
_ALGORITHM = "HS256"
_AUDIENCE = "babelmesh/resume"  # a token that the same key signed for something else is no handle
_MAX_LENGTH = 4096
_LONGEST_TTL_SECONDS = 86_400
FATAL_DEATHS = 2  # of servers over the same work, after which it is left out


class Handles:
    """Signs handles with the first key, reads those of any: that is how keys are rotated."""

    def __init__(self, keys: Mapping[str, bytes], ttl_ms: int, now: Callable[[], float] = time.time) -> None:
        self._keys = keys  # by id
        self._ttl_ms = ttl_ms
        self._now = now  # the one use of the wall clock: gateways share no other

    def sign(self, bond: Bond, position: Position) -> str:
        """A handle to continue a session from a position."""
        key_id = next(iter(self._keys))
        claims = {
            "aud": _AUDIENCE,
            "exp": self._now() + self._ttl_ms / 1000,
            "session": bond.session_id,
            "epoch": bond.epoch,
            "config": bond.config,
            "tenant": bond.tenant,
            "born": bond.born,
            "offset": position.offset_samples,
            "segment": position.next_segment_id,
            "voices": dict(position.voices),
            "clock": position.clock_ms,
        }
        return jwt.encode(claims, self._keys[key_id], _ALGORITHM, headers={"kid": key_id})

    def read(self, handle: str) -> tuple[Bond, Position]:
        """What a handle says. Raises InvalidArgument when it is none, or none of ours, or too old."""
        try:
            claims = jwt.decode(
                handle,
                self._key(handle),
                [_ALGORITHM],
                options={"require": ["exp", "aud"], "verify_exp": False},
                audience=_AUDIENCE,
            )
            bond, position = _bond(claims), _position(claims)
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
            raise _forged() from error
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise _unreadable() from error
        if claims["exp"] <= self._now():
            accepted = [f"a handle less than {self._ttl_ms} ms old"]
            raise InvalidArgument("RESUME_EXPIRED", "The handle has expired.", _FIELD, accepted)
        return bond, position

    def born(self, age_ms: int) -> float:
        """When a session began that is so old, by the wall clock."""
        return self._now() - age_ms / 1000

    def age_ms(self, bond: Bond) -> int:
        """How old the session of a handle is; never less than nothing, though clocks of gateways differ."""
        return max(0, round((self._now() - bond.born) * 1000))

    def _key(self, handle: str) -> bytes:
        if len(handle) > _MAX_LENGTH:
            raise _unreadable()
        key = self._keys.get(jwt.get_unverified_header(handle).get("kid", ""))
        if key is None:
            raise _forged()
        return key


def config_digest(terms: Terms) -> str:
    """Digest of what must not change while a session lives: offsets, numbers and concluded text depend on it."""
    sound = (terms.input.format, terms.input.sample_rate) if terms.input else ()
    kept = (terms.source_lang, sound, terms.output.sample_rate, terms.interim, terms.stabilization, terms.consecutive)
    several = [terms.source_langs] if terms.source_langs else []  # a session in one language has the digest it had
    masks = [astuple(terms.masks)] if terms.masks.any else []
    packets = ["opus"] if terms.output.format == "opus" else []
    return _digest(json.dumps([1, *kept, terms.latency_budget_ms, *several, *masks, *packets]))


def tenant_digest(tenant: str) -> str:
    """Digest of who speaks; nothing for nobody in particular."""
    return _digest(tenant) if tenant else ""


def require_same(bond: Bond, terms: Terms, tenant: str) -> None:
    """Raises InvalidArgument when a handle is bound to another tenant or another configuration."""
    if bond.tenant != tenant_digest(tenant):
        message = "The session is another tenant's."
        raise InvalidArgument("RESUME_OTHER_TENANT", message, _FIELD, ["a handle of one of your own sessions"])
    if bond.config != config_digest(terms):
        message = "The hello is not the one that the session was opened with."
        same = "input, output, partial_results, stabilization, turn_taking, latency_budget_ms, masks"
        accepted = [f"the same source_lang, source_langs, {same}"]
        raise InvalidArgument("RESUME_OTHER_CONFIG", message, _FIELD, accepted)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _bond(claims: Mapping[str, Any]) -> Bond:
    long_ago = claims["exp"] - _LONGEST_TTL_SECONDS - claims["clock"] / 1000  # a release before did not sign it
    born = float(claims.get("born", long_ago))
    return Bond(str(claims["session"]), int(claims["epoch"]), str(claims["config"]), str(claims["tenant"]), born)


def _position(claims: Mapping[str, Any]) -> Position:
    voices = {str(lang): int(samples) for lang, samples in claims["voices"].items()}
    return Position(int(claims["offset"]), int(claims["segment"]), voices, int(claims["clock"]))


def _forged() -> InvalidArgument:
    accepted = ["a handle of this deployment, unchanged"]
    return InvalidArgument("RESUME_FORGED", "The handle was not signed by a key of this server.", _FIELD, accepted)


def _unreadable() -> InvalidArgument:
    accepted = ["the newest handle, whole, from ready, ack or go_away"]
    return InvalidArgument("RESUME_UNREADABLE", "This is no handle.", _FIELD, accepted)


class Admission:
    """Reads the handles that clients come with, and signs those they are given."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._handles = Handles(settings.signing_keys(), settings.resume_ttl_ms)

    def goes_on(self, hello: pb.SessionConfig, terms: Terms, tenant: str, lives: Lives) -> Continuation:
        """Where the session of a hello goes on. Raises InvalidArgument when it cannot, saying why."""
        if not hello.resume_handle:
            if hello.HasField("received"):
                message = "Without a handle there is no session that it could belong to."
                raise InvalidArgument("RECEIVED_WITHOUT_RESUME", message, "hello.received", ["unset, without resume"])
            for field in ("deaths", "lost_server"):
                if getattr(hello, field):
                    message = "Without a handle there is no session that a server was lost with."
                    raise InvalidArgument("FIELD_NOT_READ", message, f"hello.{field}", ["unset, without resume"])
            return beginning(terms.session_id)
        bond, position = self._handles.read(hello.resume_handle)
        require_same(bond, terms, tenant)
        lives.require_newest(bond.session_id, bond.epoch)
        lives.require_bearable(bond.session_id)
        require_number(hello.deaths, MOST_DEATHS, "hello.deaths")
        deaths = hello.deaths - (hello.lost_server == lives.server)
        for index, segment in enumerate(hello.received.segments):
            if segment.transcript.lang not in ("", *terms.spoken_langs):
                path = f"hello.received.segments[{index}].transcript.lang"
                message = f"{quoted(segment.transcript.lang)} is no source language of the session."
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
