"""deploy/local: what it reads, and the rendered cpu overlay as it runs it."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from bench.chaos import checks
from bench.chaos.fleet import SCRIPTED
from bench.chaos.ledger import read_all
from bench.chaos.talking import Load
from deploy.local.manifests import Probe, Service, Unsupported, read
from deploy.local.names import hosts
from deploy.local.pods import Pods, network
from deploy.local.probing import Verdict
from deploy.local.variables import Pod
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from tests.deploy.manifests import rendered

pytestmark = pytest.mark.clock

# Other engines, whose words can be counted. All else is the overlay's own.
INSTEAD = SCRIPTED

POD = """
kind: Deployment
metadata: {name: asr, namespace: n}
spec:
  template:
    metadata: {labels: {app: asr}}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 7
      containers:
        - image: registry.example/babelmesh/asr:1-embedded
          envFrom: [{configMapRef: {name: settings}}]
          env:
            - {name: ASR_ADMIN, value: "0.0.0.0:9464"}
            - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: SELF, value: "$(POD) for $$5 and $(NOBODY)"}
          lifecycle: {preStop: {sleep: {seconds: 3}}}
          livenessProbe: {grpc: {port: 7701, service: live}, failureThreshold: 5}
---
kind: ConfigMap
metadata: {name: settings, namespace: n}
data: {ASR_LISTEN: "0.0.0.0:7701", ASR_ADMIN: "none"}
---
kind: HorizontalPodAutoscaler
metadata: {name: asr, namespace: n}
spec: {minReplicas: 2, scaleTargetRef: {name: asr}}
"""


def test_a_deployment_is_read_as_kubernetes_means_it() -> None:
    (found,) = read(POD).deployments
    assert (found.replicas, found.module, found.grace_seconds, found.pre_stop_seconds) == (2, ["services.asr"], 7, 3)
    assert found.liveness == Probe(7701, "live", 10, 1, 0, 5, 1)
    assert found.variables.of(Pod("asr-2", "n", "127.0.1.2", {})) == {
        "ASR_LISTEN": "127.0.1.2:7701",
        "ASR_ADMIN": "127.0.1.2:9464",
        "POD": "asr-2",
        "SELF": "asr-2 for $5 and $(NOBODY)",
    }


def test_the_manifests_command_wins() -> None:
    command = 'command: ["python", "-m", "services.mt"]\n          args: ["--once"]\n          env:'
    (found,) = read(POD.replace("env:", command, 1)).deployments
    assert found.module == ["services.mt", "--once"]


@pytest.mark.parametrize(
    ("text", "instead", "says"),
    [
        ("grpc: {port: 7701, service: live}", "httpGet: {port: 1}", "livenessProbe: only grpc"),
        ("sleep: {seconds: 3}", "exec: {command: [true]}", "only sleep"),
        ("image: registry.example/babelmesh/asr", "image: other/asr", "none of babelmesh/NAME"),
        ("fieldRef: {fieldPath: metadata.name}", "secretKeyRef: {name: s, key: k}", "asr: POD"),
    ],
)
def test_what_cannot_be_imitated_is_refused_by_name(text: str, instead: str, says: str) -> None:
    with pytest.raises(Unsupported, match=says):
        read(POD.replace(text, instead))


def test_who_needs_the_clusters_api_is_not_started_and_that_is_told() -> None:
    found = read(POD.replace("automountServiceAccountToken: false", "automountServiceAccountToken: true"))
    assert not found.deployments
    assert "asr asks the cluster's API" in found.notes[0]


def test_a_headless_service_is_all_its_pods_and_another_one_of_them() -> None:
    services = [Service("asr", "n", {}, headless=True), Service("gateway", "n", {}, headless=False)]
    text = hosts((each, ["127.0.1.2", "127.0.1.3"]) for each in services)
    assert "127.0.1.2 asr asr.n asr.n.svc asr.n.svc.cluster.local\n127.0.1.3 asr " in text
    assert [line.split()[0] for line in text.splitlines() if " gateway " in line] == ["127.0.1.2"]


def test_a_verdict_turns_after_so_many_answers_in_a_row() -> None:
    verdict = Verdict(Probe(1, failures=2, successes=1))
    assert [verdict.after(answer) for answer in (False, True, False, True, False, False)] == [0, 1, 1, 1, 1, 0]


def test_two_runs_on_one_machine_have_addresses_of_their_own() -> None:
    with network() as first, network() as second:
        assert first != second


async def _used(address: str) -> int:
    """Slots of a recognizer that are in use."""
    async with grpc.aio.insecure_channel(f"{address}:7701") as channel:
        call = stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest())
        status: Any = await call.read()
        call.cancel()
    return int(status.slots_used)


async def _talk(load: Load, gateway: str, folder: Path, over: asyncio.Event) -> None:
    async with load.at(gateway, folder):
        await over.wait()


@pytest.mark.timeout(90)
async def test_recognizers_share_sessions_come_and_go_and_nothing_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pods, ledgers = Pods(read(rendered("cpu")).altered(INSTEAD), tmp_path / "logs", lambda line: None), tmp_path / "all"
    async with asyncio.timeout(80), pods.running(), asyncio.TaskGroup() as talks:
        await pods.settled()
        where = pods.addresses("gateway", 7700).split(",")[0], ledgers, asyncio.Event()
        talks.create_task(_talk(Load(4), *where))
        await _until(pods, 4)
        shares = [await _used(pod.address) for pod in pods.of("asr")]
        assert max(shares) - min(shares) <= 1, shares

        asked = time.monotonic()
        await pods.scale("asr", 3)
        await pods.settled()
        ready, third = time.monotonic(), pods.of("asr")[-1]
        number = 10
        while not await _used(third.address):
            talks.create_task(_talk(Load(1, first=number), *where))
            number += 1
            await asyncio.sleep(0.5)
        served = time.monotonic()
        with capsys.disabled():
            print(  # noqa: T201  # the figure is what this shows
                f"\nthe third recognizer: used {served - ready:.1f} s after ready, {served - asked:.1f} s after scale",
                file=sys.stderr,  # what else a process that runs beside others prints goes nowhere
            )
        assert served - ready < 5

        await pods.scale("asr", 1)
        await pods.settled()
        assert len(pods.of("asr")) == 1
        where[-1].set()
    found = checks.check(read_all(ledgers))
    assert found.segments > 10
    assert not {kind: faults for kind, faults in found.faults.items() if faults}


async def _until(pods: Pods, sessions: int) -> None:
    while sum([await _used(pod.address) for pod in pods.of("asr")]) < sessions:  # noqa: ASYNC110  # other processes'
        await asyncio.sleep(0.2)
