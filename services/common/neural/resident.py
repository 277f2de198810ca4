"""Keeps a model in memory while it is used, and for a while after. One event loop only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

M = TypeVar("M")


class Resident(Generic[M]):
    """Loads a model at its first use, for all who wait for it, and releases it once it has been idle for long."""

    def __init__(self, load: Callable[[], M], idle_seconds: float) -> None:
        """Begin without a model; `load` blocks, and is called in a thread; with 0 `idle_seconds` it is never
        released.
        """
        self._load = load
        self._idle_seconds = idle_seconds
        self._model: M | None = None
        self._loading = asyncio.Lock()
        self._users = 0
        self._release: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Keep the model in memory for as long as the block lasts. Raises what `load` raises."""
        self._users += 1
        if self._release:
            self._release.cancel()
        try:
            async with self._loading:
                if self._model is None:
                    self._model = await asyncio.to_thread(self._load)
            yield
        finally:
            self._users -= 1
            if not self._users and self._idle_seconds:
                self._release = asyncio.get_running_loop().call_later(self._idle_seconds, self.release)

    @property
    def model(self) -> M:
        """The model, inside a block of `used`. Raises RuntimeError outside of any."""
        model = self._model
        if model is None:
            raise RuntimeError("the model is not in memory")
        return model

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    def release(self) -> None:
        """Release the model, unless it is in use."""
        if self._release:
            self._release.cancel()
        if not self._users:
            self._model = None
