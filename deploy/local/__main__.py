"""Runs an overlay on this machine until Ctrl-C: its folder, which kubectl renders, or a file of rendered manifests.

    python -m deploy.local deploy/k8s/overlays/cpu [--scale asr=3] [--set ASR_SLOTS=2] [--logs DIR]

Then `babelmesh demo --server ADDRESS`, with the address it prints.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from babelmesh import console
from deploy.local.manifests import Cluster, Unsupported, read
from deploy.local.pods import CannotRun, Pods
from deploy.local.variables import MissingReference
from deploy.rendering import NotRendered, rendered

GATEWAY = ("gateway", 7700)


def main() -> None:
    """Ends with status 1, and a line that says why, when the manifests cannot be run here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", type=Path)
    parser.add_argument("--scale", type=_pair, action="append", default=[], metavar="NAME=N", help="instead of theirs")
    parser.add_argument("--set", type=_pair, action="append", default=[], metavar="VARIABLE=VALUE", help="likewise")
    parser.add_argument("--logs", type=Path, default=Path("logs/pods"), metavar="DIR", help="a log a pod")
    told = parser.parse_args()
    try:
        text = rendered(told.manifests) if told.manifests.is_dir() else told.manifests.read_text()
        cluster = read(text).altered(dict(told.set))
        unknown = dict(told.scale).keys() - {each.name for each in cluster.deployments}
        if unknown:
            parser.error(f"--scale: there is no {', '.join(unknown)}")
        asyncio.run(_run(cluster, told.logs, {name: int(number) for name, number in told.scale}))
    except (OSError, NotRendered, Unsupported, MissingReference, CannotRun) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


async def _run(cluster: Cluster, logs: Path, scaled: Mapping[str, int]) -> None:
    for note in cluster.notes:
        console.note(note)
    pods = Pods(cluster, logs, console.note)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    async with pods.running():
        for name, replicas in scaled.items():
            await pods.scale(name, replicas)
        console.note(f"Starting. Logs are in {logs}/.")
        await pods.settled()
        for deployment in cluster.deployments:
            console.note(f"{deployment.name:8} {' '.join(pod.address for pod in pods.of(deployment.name))}")
        console.note(f"Ready: babelmesh demo --server {pods.addresses(*GATEWAY)}")
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await stop.wait()
        loop.remove_signal_handler(signal.SIGINT)
        console.note("Stopping, when all calls have ended. Ctrl-C again ends them at once.")
        for deployment in cluster.deployments:
            await pods.scale(deployment.name, 0)
        await pods.settled()


if __name__ == "__main__":
    main()
