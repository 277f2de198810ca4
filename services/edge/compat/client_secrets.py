"""`/v1/realtime/translations/client_secrets`: what a page of OpenAI's clients may connect with, for some minutes."""

from __future__ import annotations

import secrets
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.common.errors import InvalidArgument, quoted
from services.edge import measures
from services.edge.compat.openai import new_session
from services.edge.compat.translations import PATH as SESSIONS
from services.edge.doors.entrance import Doors
from services.edge.doors.minting import LEAST_SECONDS, MOST_SECONDS, Minted, SigningKey, signing_key
from services.edge.faults import Fault
from services.edge.fields import Json, as_integer, as_object
from services.edge.rest import body
from services.edge.upstream import Caller

PATH = f"{SESSIONS}/client_secrets"
_LONGEST_BODY = 64 * 1024
_MOST_ASKED = 7200  # seconds, as OpenAI's clients may ask; more than MOST_SECONDS is not given
_FIELDS = ("session", "expires_after")


class ClientSecrets:
    """Gives out secrets: tokens where the gateway asks for them, else what nobody checks."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        path = doors.settings.token_signing_key
        self._key = signing_key(path) if path else None

    async def create(self, request: Request) -> Response:
        """Answer with a secret, when it ends, and the session that it was asked for."""
        caller = self._doors.caller(request)
        self._doors.clients.requested(caller.name)
        asked = await body.values(request, _LONGEST_BODY) if await request.body() else {}
        for name in asked:
            if name not in _FIELDS:
                raise InvalidArgument("UNKNOWN_FIELD", f"There is no {quoted(name)} here.", name[:64], _FIELDS)
        session = new_session().updated(asked.get("session", {}))
        minted = await self._minted(caller, _seconds(asked))
        measures.answered(PATH)
        return JSONResponse({"value": minted.value, "expires_at": minted.expires_at, "session": session.told()})

    async def _minted(self, caller: Caller, seconds: int) -> Minted:
        await self._doors.gateway.admit(caller)
        if not await self._asks_for_tokens():
            return Minted(f"ek_{secrets.token_hex(16)}", int(time.time()) + seconds)
        return self._required_key().mint(caller.token, seconds)

    async def _asks_for_tokens(self) -> bool:
        try:
            await self._doors.gateway.describe(Caller())
        except Fault as fault:
            if fault.status != 401:
                raise
            return True
        return False

    def _required_key(self) -> SigningKey:
        if self._key is None:
            message = "This server has no key to sign tokens with, and gives no token of yours to others."
            raise Fault(501, "SECRETS_NOT_MINTED", message, accepted=("EDGE_TOKEN_SIGNING_KEY",))
        return self._key


def _seconds(asked: Json) -> int:
    """Return for how long a secret is asked for, at most ten minutes. Raises InvalidArgument."""
    wanted = as_object(asked.get("expires_after", {}), "expires_after")
    for name in wanted:
        if name not in ("anchor", "seconds"):
            path = f"expires_after.{name[:64]}"
            raise InvalidArgument("UNKNOWN_FIELD", "There is no such field here.", path, ["anchor", "seconds"])
    if wanted.get("anchor", "created_at") != "created_at":
        raise InvalidArgument("UNKNOWN_VALUE", "Time counts from now.", "expires_after.anchor", ["created_at"])
    seconds = wanted.get("seconds", MOST_SECONDS)
    return min(as_integer(seconds, "expires_after.seconds", LEAST_SECONDS, _MOST_ASKED + 1), MOST_SECONDS)
