"""The supervisor, with tiny programs in place of the services."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from babelmesh.client.errors import MeshFailed
from babelmesh.local import restarts, supervisor
from babelmesh.local.supervisor import Service, free_ports, mesh_services, running, supervised

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
HAS_A_CHILD = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
DIES = "import sys; print('The model is missing.', file=sys.stderr); sys.exit(3)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); "


def _service(name: str, program: str) -> Service:
    return Service(name, (sys.executable, "-c", program), "127.0.0.1:0")


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


async def _until(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(_await, condition)


class FallsIll:
    """Ready, until it falls ill: then it dies at each start."""

    def __init__(self, folder: Path) -> None:
        self.mark = folder / "ill"
        self.service = _service(
            "one", f"import pathlib\nif pathlib.Path({str(self.mark)!r}).exists(): {DIES}\n{SLEEPS}"
        )

    async def ready(self, address: str) -> bool:
        return not self.mark.exists()

    async def live(self, folder: Path) -> None:
        async with supervised([self.service], folder, self.ready) as started:
            self.mark.touch()
            started[0].child.kill()
            await asyncio.sleep(30)


async def _at_once(address: str) -> bool:
    return True


async def _never(address: str) -> bool:
    return False


async def test_services_run_for_the_block_and_log_into_files(tmp_path: Path) -> None:
    async with running([_service("one", SLEEPS), _service("two", SLEEPS)], tmp_path / "logs", _at_once) as started:
        pids = [each.child.pid for each in started]
        await asyncio.to_thread(_await, lambda: (tmp_path / "logs" / "one.log").read_text() == "up\n")
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)


async def test_a_service_that_dies_at_the_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(MeshFailed) as failed:
        async with running([_service("good", SLEEPS), _service("bad", DIES)], tmp_path, _never):
            pytest.fail("the block must not begin")
    assert "The bad service ended with status 3" in str(failed.value)
    assert "The model is missing." in str(failed.value)
    assert not psutil.Process().children()


async def test_of_a_traceback_only_what_was_raised_is_told(tmp_path: Path) -> None:
    raises = "class Broken(Exception): pass\nraise Broken('first\\n  second')"
    with pytest.raises(MeshFailed, match="Broken: first\n    second\n") as failed:
        async with running([_service("bad", raises)], tmp_path, _never):
            pytest.fail("the block must not begin")
    assert "File" not in str(failed.value)


async def test_a_program_that_cannot_be_started_leaves_none_behind(tmp_path: Path) -> None:
    nothing = Service("nothing", ("/does/not/exist",), "127.0.0.1:0")
    with pytest.raises(MeshFailed, match="cannot be started"):
        async with running([_service("good", SLEEPS), nothing], tmp_path, _at_once):
            pytest.fail("the block must not begin")
    assert not psutil.Process().children()


async def test_a_service_that_dies_later_is_started_again_and_told_of(tmp_path: Path) -> None:
    told: list[str] = []
    async with supervised([_service("one", SLEEPS)], tmp_path, _at_once, told.append) as started:
        first = started[0].child
        first.kill()
        await _until(lambda: started[0].child is not first)
        assert started[0].child.returncode is None
        await _until(lambda: (tmp_path / "one.log").read_text().count("up") >= 1)
    assert told == ["The one service was ended by SIGKILL. It is started again."]
    assert not psutil.Process().children()


async def test_what_a_dead_service_left_behind_is_ended_before_it_is_started_again(tmp_path: Path) -> None:
    async with supervised([_service("parent", f"{HAS_A_CHILD}; {SLEEPS}")], tmp_path, _at_once) as started:
        first = started[0].child
        await _until(lambda: "up" in (tmp_path / "parent.log").read_text())
        (left,) = psutil.Process(first.pid).children()
        first.kill()
        await _until(lambda: started[0].child is not first)
        psutil.wait_procs([left], timeout=60)
        assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE


async def test_a_service_that_never_gets_ready_again_cuts_the_block_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "FIRST_SECONDS", 0.01)
    with pytest.raises(MeshFailed, match=r"The one service ended with status 3.*\n.*The model is missing"):
        await FallsIll(tmp_path).live(tmp_path)


async def test_what_the_block_raises_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with supervised([_service("one", SLEEPS)], tmp_path, _at_once):
            raise KeyError


async def test_a_mesh_that_is_not_ready_in_time_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "START_SECONDS", 0.5)
    with pytest.raises(MeshFailed, match="not ready"):
        async with running([_service("one", SLEEPS)], tmp_path, _never):
            pytest.fail("the block must not begin")


async def test_what_ignores_the_stop_and_what_a_service_started_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    services = [_service("stubborn", STUBBORN + SLEEPS), _service("parent", f"{HAS_A_CHILD}; {SLEEPS}")]
    async with running(services, tmp_path, _at_once) as started:
        await asyncio.to_thread(_await, lambda: all(each.log.read_text() for each in started))
        everyone = psutil.Process().children(recursive=True)
        assert len(everyone) == 3
    psutil.wait_procs(everyone, timeout=60)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in everyone)


async def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = Service("asr", (sys.executable, "-c", SLEEPS), f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(MeshFailed, match="already"):
            async with running([service], tmp_path, _at_once):
                pytest.fail("the block must not begin")


def test_services_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    start = (
        "import os, subprocess, sys, time;"
        "command = [sys.executable, '-m', 'babelmesh.local.child', str(os.getpid()), 'sleeper'];"
        f"subprocess.Popen(command, stdout=open('up', 'w'), cwd={str(tmp_path)!r}, start_new_session=True);"
        "time.sleep(60)"
    )
    supervising = psutil.Popen([sys.executable, "-c", start], cwd=tmp_path)
    _await(lambda: (tmp_path / "up").exists() and bool((tmp_path / "up").read_text()))
    children = supervising.children()
    os.kill(supervising.pid, signal.SIGKILL)
    supervising.wait()
    _, left = psutil.wait_procs(children, timeout=60)
    assert children
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]


def test_the_gateway_is_told_where_its_stages_are_and_starts_last() -> None:
    ports = free_ports()
    services = mesh_services(ports)
    assert [service.name for service in services] == ["asr", "mt", "tts", "gateway"]
    assert services[0].variables == {"ASR_LISTEN": f"127.0.0.1:{ports.asr}"}
    assert services[3].variables["GATEWAY_MT_ENDPOINTS"] == services[1].address
    assert len({ports.gateway, ports.asr, ports.mt, ports.tts}) == 4
