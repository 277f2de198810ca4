"""The pods of a namespace, as the API server lists them, and their deletion costs. The one module that knows it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2  # what lightkube raises the errors of
from lightkube import AsyncClient
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.resources.core_v1 import Pod as Resource
from lightkube.types import PatchType

from services.common.errors import InvalidArgument, StageFailed
from services.gateway.deletion.costs import Pod
from services.gateway.deletion.settings import DeletionSettings

logging.getLogger("httpx2").setLevel(logging.WARNING)  # else it logs the address of every request

ANNOTATION = "controller.kubernetes.io/pod-deletion-cost"


class Pods:
    """The pods of one namespace, with the labels of the settings. Methods raise StageFailed, without addresses."""

    def __init__(self, settings: DeletionSettings) -> None:
        """Raises InvalidArgument where there is no access to an API server."""
        self._labels: dict[str, Any] = dict(settings.selector)
        config = _config(settings).get()
        assert config is not None  # it was made with one context
        self._namespace = settings.namespace or config.namespace
        try:
            self._client = AsyncClient(config, namespace=self._namespace, trust_env=False)
        except OSError as error:
            raise _no_access(settings, "ca.crt") from error

    async def close(self) -> None:
        """Close the connections to the API server."""
        await self._client.close()

    async def running(self) -> list[Pod]:
        """List the pods that have an address and are not being deleted."""
        with _typed_failures():
            found = [pod async for pod in self._client.list(Resource, namespace=self._namespace, labels=self._labels)]
        pods = [_pod(each) for each in found if each.metadata and not each.metadata.deletionTimestamp]
        return [pod for pod in pods if pod.ip]

    async def write(self, pod: Pod, cost: int) -> None:
        """Annotates a pod. One that is gone by now is no failure."""
        body = {"metadata": {"annotations": {ANNOTATION: str(cost)}}}
        try:
            with _typed_failures():
                await self._client.patch(Resource, pod.name, body, patch_type=PatchType.MERGE)
        except StageFailed as failure:
            if failure.code != "KUBERNETES_404":
                raise


def _config(settings: DeletionSettings) -> KubeConfig:
    if settings.api:
        return KubeConfig.from_one(cluster=Cluster(server=settings.api), user=User(), namespace="default")
    try:
        return KubeConfig.from_service_account(settings.service_account)
    except (ConfigError, OSError) as error:
        raise _no_access(settings, "token and namespace") from error
    except KeyError as error:
        message = f"{error.args[0]} is not set: this is no pod of a cluster. Outside of one, name what to ask."
        proxy = "http://127.0.0.1:8001, of kubectl proxy"
        raise InvalidArgument("NO_CLUSTER", message, "DELETION_API", [proxy]) from error


def _no_access(settings: DeletionSettings, files: str) -> InvalidArgument:
    message = f"{os.fspath(settings.service_account)} holds no {files}: the service account's token is not mounted."
    return InvalidArgument("NO_SERVICE_ACCOUNT", message, "DELETION_SERVICE_ACCOUNT")


def _pod(resource: Any) -> Pod:
    """Read a pod. The address of one that has ended is another's by now, so it has none."""
    status, annotations = resource.status, resource.metadata.annotations or {}
    ip = status.podIP if status and status.phase not in ("Succeeded", "Failed") else None
    try:
        cost = int(annotations.get(ANNOTATION, ""))
    except ValueError:
        cost = None
    return Pod(str(resource.metadata.name), ip or "", cost)


@contextmanager
def _typed_failures() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        code = error.response.status_code
        hint = " It needs to get, list and patch pods." if code == httpx2.codes.FORBIDDEN else ""
        raise StageFailed(f"KUBERNETES_{code}", f"The API server refused with {code}.{hint}") from error
    except httpx2.TransportError as error:
        message = f"The API server gave no answer: {type(error).__name__}."
        raise StageFailed("KUBERNETES_UNREACHABLE", message) from error
    except ConfigError as error:
        raise StageFailed("KUBERNETES_TOKEN", "The service account's token cannot be read any more.") from error
