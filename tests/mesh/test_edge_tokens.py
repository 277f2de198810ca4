"""The edge before a gateway that asks for tokens: it shows those of its clients, and says what is wrong with them."""

from __future__ import annotations

import time
from pathlib import Path

from bench.measuring.issuer import settings, token
from tests.mesh.edge import connect, edge_port, hello, say, talk, typed, until
from tests.mesh.test_edge_doors import MARKER, bearer, refusal


async def test_a_token_in_the_header_or_as_a_subprotocol_opens_a_session(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        header = {"Authorization": f"Bearer {token('EdDSA')}"}
        async with connect(port, additional_headers=header) as socket:
            await say(socket, hello("es"), typed("good morning"))
            assert (await until(socket, "final_translation"))["text"] == "good-es morning-es"
        async with connect(port, subprotocols=[MARKER, bearer(token("EdDSA"))]) as socket:
            await say(socket, hello("es"))
            await until(socket, "ready")


async def test_a_token_that_opens_nothing_is_refused_by_name_before_the_upgrade(tmp_path: Path) -> None:
    then = time.time() - 600
    async with edge_port(**settings(tmp_path)) as port:
        assert await refusal(port) == (401, "TOKEN_MISSING", None)
        for told, status, code in (
            ({"iat": then, "exp": then + 60}, 401, "TOKEN_EXPIRED"),
            ({"aud": "another"}, 401, "TOKEN_AUDIENCE"),
            ({"scope": "operate"}, 403, "SCOPE_MISSING"),  # it is described what there is before a session opens
        ):
            header = {"Authorization": f"Bearer {token('EdDSA', **told)}"}
            assert await refusal(port, additional_headers=header) == (status, code, None)


async def test_a_session_needs_no_other_scope_than_its_own(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        header = {"Authorization": f"Bearer {token('EdDSA', scope='stream')}"}
        async with connect(port, additional_headers=header) as socket:
            await say(socket, hello("es"))
            await until(socket, "ready")


async def test_a_session_without_its_scope_is_refused_by_name(tmp_path: Path) -> None:
    async with edge_port(**settings(tmp_path)) as port:
        header = {"Authorization": f"Bearer {token('EdDSA', scope='describe')}"}
        got = await talk(port, hello("es"), additional_headers=header)
    assert (got.error()["code"], got.code) == ("SCOPE_MISSING", 4003)
