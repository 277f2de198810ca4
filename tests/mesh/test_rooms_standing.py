"""Who listens in a room stays as long as its token holds, and a grace behind that, and comes back with a fresh one."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bench.measuring.issuer import settings, token
from tests.mesh.edge import edge_port
from tests.mesh.rooms import guest, speaker

pytestmark = pytest.mark.clock
QUICK = {"tokens_skew_seconds": 0, "tokens_grace_seconds": 0.2, "tokens_notice_seconds": 0.3}


async def test_a_listener_is_put_out_a_grace_after_its_token_and_comes_back_with_what_it_has(tmp_path: Path) -> None:
    served = settings(tmp_path, **QUICK)
    async with edge_port({"rooms_token_grace_seconds": 0.5}, **served) as port, AsyncExitStack() as speaking:
        expires = time.time() + 4
        async with guest(port, lang="es", token=token(exp=expires)) as listener:
            ann = await speaking.enter_async_context(speaker(port, token=token()))
            await ann.say("one")
            await listener.has(1)
            assert await listener.closed() == 4001
            assert 0.5 <= time.time() - expires < 3
            told = listener.of("error")[-1]
            assert (told["code"], told["field"]) == ("TOKEN_EXPIRED", "authorization")
        await ann.say("two")
        async with guest(port, lang="es", token=token(), received=listener.received()) as again:
            assert await again.has(1) == ["two-es"]
