"""Quotas in Redis or Valkey. A count is a hash with each gateway's part, so that telling a part again changes nothing.

All keys have one hash tag: a cluster keeps them on one node, where one script can see all of a lease's limits.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from redis import asyncio as redis
from redis.exceptions import RedisError

from services.gateway.quotas.store import Answer, Away
from services.gateway.quotas.tally import Counted

_PREFIX = "{babelmesh-quotas}"
_ANSWER_SECONDS = 0.5  # who waits longer is cut off
SETTLE_SECONDS = 3  # of a store that has just started: other gateways tell their parts within a second
_GONE_MS = 30_000  # a gateway that says nothing for so long holds no sessions
_KEPT_SECONDS = 40 * 86_400  # a count, at most: a month and some days
_HELD_SECONDS = 86_400
# KEYS: the gateways, and each count. ARGV: own name, amount, and for each count its limit, the seconds it is kept, own
# part, and 1 where it counts what is held at once: then gateways that are gone have no part.
_SCRIPT = f"""
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], now)
redis.call('EXPIRE', KEYS[1], {_HELD_SECONDS})
local alive, gateways = {{}}, 0
local seen = redis.call('HGETALL', KEYS[1])
for i = 1, #seen, 2 do
  if now - tonumber(seen[i + 1]) < {_GONE_MS} then
    alive[seen[i]] = true
    gateways = gateways + 1
  else
    redis.call('HDEL', KEYS[1], seen[i])
  end
end
local granted, totals = tonumber(ARGV[2]), {{}}
for k = 2, #KEYS do
  local at = 4 * (k - 2) + 3
  if tonumber(ARGV[at + 2]) > 0 then
    redis.call('HSET', KEYS[k], ARGV[1], ARGV[at + 2])
    redis.call('EXPIRE', KEYS[k], ARGV[at + 1])
  else
    redis.call('HDEL', KEYS[k], ARGV[1])
  end
  local total = 0
  local parts = redis.call('HGETALL', KEYS[k])
  for i = 1, #parts, 2 do
    if ARGV[at + 3] == '0' or alive[parts[i]] then
      total = total + tonumber(parts[i + 1])
    end
  end
  totals[k - 1] = total
  granted = math.min(granted, tonumber(ARGV[at]) - total)
end
granted = math.max(granted, 0)
if granted > 0 then
  for k = 2, #KEYS do
    redis.call('HINCRBY', KEYS[k], ARGV[1], granted)
    redis.call('EXPIRE', KEYS[k], ARGV[4 * (k - 2) + 4])
    totals[k - 1] = totals[k - 1] + granted
  end
end
local told = redis.call('INFO', 'server')
local run, uptime = string.match(told, 'run_id:(%w+)'), string.match(told, 'uptime_in_seconds:(%d+)')
return {{run, uptime, granted, gateways, unpack(totals)}}
"""


class Shared:
    """A store in Redis or Valkey, at an URL: redis://, rediss:// or unix://."""

    def __init__(self, url: str, settle_seconds: int = SETTLE_SECONDS) -> None:
        self._settle_seconds = settle_seconds
        self._name = secrets.token_hex(8)
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
            max_connections=4,
            retry=None,
            decode_responses=True,
        )
        self._script = self._redis.register_script(_SCRIPT)
        self._run = ""  # names the store's process: one that started anew may have forgotten something

    async def ask(self, counts: Sequence[Counted], own: Sequence[int], amount: int) -> Answer:
        """Set this gateway's part of each count, and lease as much as all limits allow. Raises Away."""
        keys = [f"{_PREFIX}:gateways", *(f"{_PREFIX}:{each.key}" for each in counts)]
        told: list[str | int] = [self._name, amount]
        for each, part in zip(counts, own, strict=True):
            kept = _HELD_SECONDS if each.line.held else _KEPT_SECONDS
            told += [each.line.limit, kept, part, int(each.line.held)]
        try:
            run, uptime, granted, gateways, *totals = await self._script(keys, told)
        except (RedisError, OSError, TimeoutError) as error:
            raise Away(type(error).__name__) from None
        before, self._run = self._run, str(run)
        if before not in ("", self._run):
            raise Away("started anew")
        return Answer(int(granted), int(gateways), int(uptime) >= self._settle_seconds, tuple(map(int, totals)))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
