"""The fixtures of tests/conftest.py, tried on tests that leak."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytest_plugins = ["pytester"]

LEAKS = """
    import asyncio
    import subprocess
    import sys
    import threading

    import pytest

    forgotten = []

    def sleeper(*more):
        return [sys.executable, "-c", "import sys, time; time.sleep(20)", *more]

    async def test_task():
        forgotten.append(asyncio.get_running_loop().create_task(asyncio.sleep(20)))

    def test_thread():
        stop = threading.Event()
        threading.Thread(target=stop.wait, args=(20,), daemon=True).start()

    def test_child():
        forgotten.append(subprocess.Popen(sleeper()))

    def test_grandchild_of_a_dead_child():
        start = f"import subprocess; subprocess.Popen({sleeper('orphan')!r})"
        subprocess.run([sys.executable, "-c", start], check=True)
"""

TIDY = """
    import asyncio
    import subprocess
    import sys
    import threading

    import pytest

    @pytest.fixture
    async def busy():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(20))
            yield
            task.cancel()

    async def test_a_fixture_may_have_a_task_until_its_own_end(busy):
        await asyncio.to_thread(int)

    async def test_what_has_been_told_to_end_has_a_moment_to_do_so():
        asyncio.get_running_loop().create_task(asyncio.sleep(0.1))
        threading.Thread(target=threading.Event().wait, args=(0.1,)).start()
        await asyncio.create_subprocess_exec(sys.executable, "-c", "")

    def test_without_a_loop():
        subprocess.run([sys.executable, "-c", ""], check=True)
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    conftest = (Path(__file__).parent.parent / "conftest.py").read_text()
    pytester.makeconftest(conftest.replace("GRACE_SECONDS = 20.0", "GRACE_SECONDS = 0.3"))
    options = 'asyncio_mode = "auto"\nasyncio_default_fixture_loop_scope = "function"'
    pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\n{options}")
    before = set(psutil.Process().children())
    yield pytester
    for orphan in set(psutil.Process().children()) - before:
        orphan.kill()
        orphan.wait()


def test_every_kind_of_leak_fails_its_own_test(inner: pytest.Pytester) -> None:
    inner.makepyfile(LEAKS)
    result = inner.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, errors=4)  # a test passes, then its teardown fails
    for left in ("task <coroutine*", "thread Thread-*", "process *", "process *"):
        result.stdout.fnmatch_lines([f"*The test left behind: {left}*"])


def test_a_tidy_test_passes(inner: pytest.Pytester) -> None:
    inner.makepyfile(TIDY)
    inner.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=3)
