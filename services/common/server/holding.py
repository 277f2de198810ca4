"""Ends the call whose work holds the event loop, so that one caller's input does not end the process for all.

Whoever watches the loop is another thread. It cannot stop the loop's thread, but it can have an exception raised there
(`PyThreadState_SetAsyncExc`): at the next bytecode, which is in the task that holds the loop. All tasks of a call are
in task groups, so the exception leaves by the call, and by no other. Work in C that does not come back cannot be ended.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from services.common.errors import TooSlow

T = TypeVar("T")
Work: TypeAlias = Coroutine[Any, Any, T] | Generator[Any, None, T]

WORK_TOO_LONG = "WORK_TOO_LONG"  # the code of a call that was ended

_method: ContextVar[str] = ContextVar("method")  # of the call that a task works for
_tasks: WeakKeyDictionary[asyncio.Task[Any], str] = WeakKeyDictionary()  # those that work for a call, and its method


class HeldLoop(BaseException):
    """Raised in a task whose work has held the event loop for too long. It must not be retried elsewhere."""


@contextmanager
def attributed(method: str) -> Iterator[None]:
    """Attribute this task, and those it starts within the block, to one call of a method.

    Raises TooSlow when that work was ended because it held the loop.
    """
    task = asyncio.current_task()
    assert task is not None, "a call is served by a task"
    token = _method.set(method)
    _tasks[task] = method
    try:
        yield
    except (HeldLoop, BaseExceptionGroup) as error:
        if not was_ended(error):
            raise
        message = "The work on what this call sent held the server for too long and was ended. Do not send it again."
        raise TooSlow(WORK_TOO_LONG, message) from None
    finally:
        _tasks.pop(task, None)
        _method.reset(token)


def was_ended(error: BaseException) -> bool:
    """Return whether an exception comes from a call that was ended because its work held the loop."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(HeldLoop) is not None
    return isinstance(error, HeldLoop)


@contextmanager
def attributing(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Attribute the tasks that are started within the block to the call that starts them."""
    before = loop.get_task_factory()
    loop.set_task_factory(_task)
    try:
        yield
    finally:
        loop.set_task_factory(before)


def _task(loop: asyncio.AbstractEventLoop, work: Work[T], **options: Any) -> asyncio.Task[T]:
    task: asyncio.Task[T] = asyncio.Task(work, loop=loop, **options)  # a context; from Python 3.13 on whatever else
    if method := _method.get(""):
        _tasks[task] = method
    return task


def end_holder(loop: asyncio.AbstractEventLoop, thread: int) -> str:
    """End the call that holds the loop of thread `thread`; called from another thread.

    Returns the call's method; empty where the loop is held by no call, so that there is none to end.
    """
    task = asyncio.current_task(loop)
    method = _tasks.get(task, "") if task else ""
    if method:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(HeldLoop))
    return method
