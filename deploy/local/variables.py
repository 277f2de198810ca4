"""The environment of a container: from ConfigMaps, Secrets, fields of its pod and values that name others. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]

_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_EVERYWHERE = "0.0.0.0:"
_BINDS = ("_LISTEN", "_OPERATIONS", "_HEALTH", "_ADMIN")  # settings that say where a service listens


class MissingReference(Exception):
    """A manifest names a ConfigMap, a key or a field that is not there; the text says which, and where."""


@dataclass(frozen=True, slots=True)
class Pod:
    """What fields of a pod can be asked for."""

    name: str
    namespace: str
    address: str
    labels: Mapping[str, str]

    def field(self, path: str) -> str:
        """A fieldRef's value. Raises MissingReference."""
        known = {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "status.podIP": self.address,
            "status.hostIP": "127.0.0.1",
            "spec.nodeName": "local",
        }
        known |= {f"metadata.labels['{key}']": value for key, value in self.labels.items()}
        if path not in known:
            raise MissingReference(f"fieldPath {path} is not known here. Accepted: {', '.join(known)}.")
        return known[path]


@dataclass(frozen=True, slots=True)
class Variables:
    """An environment that lacks only what each pod has of its own."""

    plain: Mapping[str, str]  # in the order of the manifest
    fields: Mapping[str, str]  # paths of the pod's fields
    missing: frozenset[str] = frozenset()  # of Secrets that are not in the file

    def filled(self, values: Mapping[str, str]) -> Variables:
        """With values for what is missing."""
        found = {name: value for name, value in values.items() if name in self.missing}
        return replace(self, plain={**self.plain, **found}, missing=self.missing - found.keys())

    def of(self, pod: Pod) -> dict[str, str]:
        """The environment of one pod. An address of all interfaces is the pod's, as its own network would have it."""
        known = {**{name: pod.field(path) for name, path in self.fields.items()}, **self.plain}
        for name, value in known.items():
            known[name] = _REFERENCE.sub(lambda found: _referred(found, known), value)
        return {name: _bound(name, value, pod.address) for name, value in known.items()}


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: all objects of the file."""

    objects: Iterable[Object]

    def variables(self, container: Object, namespace: str, where: str) -> Variables:
        """A container's environment; later entries win. Raises MissingReference."""
        plain: dict[str, str] = {}
        fields: dict[str, str] = {}
        missing: set[str] = set()
        for each in container.get("envFrom", ()):
            kind = "ConfigMap" if "configMapRef" in each else "Secret"
            reference = each.get("configMapRef") or each["secretRef"]
            found = self._content(kind, namespace, reference["name"])
            if found is None and not reference.get("optional"):
                raise MissingReference(f"{where}: {kind} {reference['name']} is not in the file.")
            plain |= {f"{each.get('prefix', '')}{key}": value for key, value in (found or {}).items()}
        for each in container.get("env", ()):
            name, origin = each["name"], each.get("valueFrom", {})
            if "fieldRef" in origin:
                fields[name] = origin["fieldRef"]["fieldPath"]
            elif not origin:
                plain[name] = str(each.get("value", ""))
            elif (value := self._referred(origin, namespace, f"{where}, {name}")) is not None:
                plain[name] = value
            elif "secretKeyRef" in origin and not origin["secretKeyRef"].get("optional"):
                missing.add(name)
        return Variables(plain, fields, frozenset(missing))

    def _referred(self, origin: Object, namespace: str, where: str) -> str | None:
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if reference := origin.get(key):
                value = (self._content(kind, namespace, reference["name"]) or {}).get(reference["key"])
                if value is None and kind == "ConfigMap" and not reference.get("optional"):
                    raise MissingReference(f"{where}: ConfigMap {reference['name']} has no {reference['key']} here.")
                return value
        raise MissingReference(f"{where}: {', '.join(origin)} cannot be followed here.")

    def _content(self, kind: str, namespace: str, name: str) -> Mapping[str, str] | None:
        for each in self.objects:
            metadata = each["metadata"]
            if (each["kind"], metadata["name"], metadata.get("namespace", "default")) == (kind, name, namespace):
                encoded = {key: base64.b64decode(value).decode() for key, value in _secret(each).items()}
                return {
                    **encoded,
                    **each.get("stringData", {}),
                    **(each.get("data", {}) if kind == "ConfigMap" else {}),
                }
        return None


def _secret(told: Object) -> Mapping[str, str]:
    return (told.get("data") or {}) if told["kind"] == "Secret" else {}


def _referred(found: re.Match[str], known: Mapping[str, str]) -> str:
    """$(NAME) is that variable, or itself where there is none; $$ is a dollar."""
    return "$" if found[0] == "$$" else known.get(found[1], found[0])


def _bound(name: str, value: str, address: str) -> str:
    if name.endswith(_BINDS) and value.startswith(_EVERYWHERE):
        return f"{address}:{value.removeprefix(_EVERYWHERE)}"
    return value
