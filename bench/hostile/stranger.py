"""The process of those that do harm. It is told what to do on its input, a line each: {"case", "addresses", "seconds"}.

    python -m bench.hostile.stranger CORE

It keeps to that core; -1 for any. Each answer is a line of JSON: what came back, counted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench.hostile.calls import Attack, Case
from bench.hostile.doorstep import DOORSTEP
from bench.hostile.floods import FLOODS
from bench.hostile.links import LINKS
from bench.hostile.singles import SINGLES
from bench.measuring.all_doors import Key

BUSY = "busy loop"


async def busy(attack: Attack) -> None:
    """Does no harm but to take its core."""
    until = time.monotonic() + attack.seconds
    while time.monotonic() < until:
        pass


CASES: Mapping[str, Case] = {BUSY: busy, **SINGLES, **LINKS, **FLOODS, **DOORSTEP}


def main() -> None:
    """Works until its input ends."""
    core = int(sys.argv[1])
    if core >= 0:
        os.sched_setaffinity(0, {core})
    print("{}", flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        print(json.dumps(asyncio.run(done(told))), flush=True)


async def done(told: Mapping[str, Any]) -> Counter[str]:
    """Does what a line says; what came back."""
    attack = Attack(told["addresses"], told["seconds"], Key(**told.get("key", {})))
    await CASES[str(told["case"])](attack)
    return attack.came


if __name__ == "__main__":
    main()
