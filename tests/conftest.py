"""What holds for every test: it leaves no task, thread or child process behind.

Tests marked `asyncio(loop_scope="module")` share a loop, and what a fixture of the module runs on it. That may start
more of them at any time: it is looked at when it has ended.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import gc
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

import psutil
import pytest
from hypothesis import HealthCheck, settings

from babelmesh.local import ports

T = TypeVar("T")

GRACE_SECONDS = 20.0  # for what has been told to end and is about to, on a machine however busy

# Markers of what `make test` leaves to another target.
APART = {
    "weights": "takes trained weights: `make test-weights`",
    "wheel": "installs packages into environments of their own: `make test-wheel`",
    "edges": "takes a browser and clients of others: `make test-edges`",
    "examples": "takes the tools of other languages: `make test-examples`",
}

# Threads and processes that one use of a library starts for the rest of the run.
SHARED_THREADS = (
    "_poll_wrapper",  # gRPC's: it turns completions into events of the loop
    "AnyIO worker thread",
)
SHARED_CHILDREN = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")

PORTS_EACH = 250  # of a process that runs tests: for services that are started after their ports were found

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def pytest_configure(config: pytest.Config) -> None:
    config.add_cleanup(_ports_of_our_own())
    # A process whose parent was killed becomes our child instead of init's, so that a leak of it is seen too.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # How long an example takes says what else the machine does. A test's own timeout is what ends one that hangs.
    settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("unhurried")
    # A shell starts what runs in its background deaf to Ctrl-C, and programs inherit that from us.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _ports_of_our_own() -> Callable[[], None]:
    """Pick ports where no other process that runs tests does, another suite's among them; returns what ends that."""
    parts = [ports.PICKED[at : at + PORTS_EACH] for at in range(0, len(ports.PICKED), PORTS_EACH)]
    for part in random.sample(parts, len(parts)):
        lock = open(f"{tempfile.gettempdir()}/babelmesh-tests-{part.start}.lock", "a")  # noqa: SIM115  # to the end
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        ports.PICKED = part
        return lock.close
    raise pytest.UsageError("More processes run tests here than there are ports for.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what has a target of its own, unless it is asked for."""
    for marker, reason in APART.items():
        for item in items if marker not in str(config.option.markexpr) else ():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    # What was imported and collected stays to the end: no collection of garbage has to look at it again.
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _no_thread_or_child_of_a_module_is_left() -> Iterator[None]:
    yield from _left_behind("The tests of the module")


@pytest.fixture(autouse=True)
def _no_thread_or_child_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    if _shares_a_loop(request):
        yield
    else:
        yield from _left_behind("The test")


def _left_behind(whose: str) -> Iterator[None]:
    threads, children = set(threading.enumerate()), _children()
    yield
    left = [f"thread {thread.name}" for thread in _after_grace(lambda: _new_threads(threads))]
    left += [f"process {child.pid} {child.name()}" for child in _after_grace(lambda: _new_children(children))]
    if left:
        pytest.fail(f"{whose} left behind: {', '.join(left)}")


def _shares_a_loop(request: pytest.FixtureRequest) -> bool:
    marker = request.node.get_closest_marker("asyncio")
    return bool(marker and marker.kwargs.get("loop_scope") == "module")


@pytest.fixture(autouse=True)
def _no_task_is_left(_no_thread_or_child_is_left: None, request: pytest.FixtureRequest) -> None:
    # In this order the loop, and with it the threads of its executor, is gone before threads are counted.
    if request.node.get_closest_marker("asyncio") and not _shares_a_loop(request):
        request.getfixturevalue("_task_count")


@pytest.fixture
async def _task_count() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=GRACE_SECONDS)
    if left:
        pytest.fail(f"The test left behind: {', '.join(f'task {task.get_coro()}' for task in left)}")


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    new = set(threading.enumerate()) - before
    return [thread for thread in new if thread.is_alive() and not any(name in thread.name for name in SHARED_THREADS)]


def _new_children(before: set[psutil.Process]) -> list[psutil.Process]:
    return [child for child in _children() - before if _is_running(child)]


def _children() -> set[psutil.Process]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # which reaps none of them
    except ChildProcessError:
        return set()  # there is none: psutil would have read that from all processes of the machine
    return set(psutil.Process().children())


def _is_running(child: psutil.Process) -> bool:
    try:
        if child.status() == psutil.STATUS_ZOMBIE:  # an adopted one that has ended by itself
            child.wait(0)
            return False
        command = " ".join(child.cmdline())
    except (psutil.NoSuchProcess, psutil.TimeoutExpired):
        return False
    return not any(shared in command for shared in SHARED_CHILDREN)


def _after_grace(look: Callable[[], list[T]]) -> list[T]:
    until = time.monotonic() + GRACE_SECONDS
    while (left := look()) and time.monotonic() < until:
        time.sleep(0.02)
    return left
