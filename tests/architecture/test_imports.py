"""Who may import whom, and who may know the messages of the wire."""

from __future__ import annotations

from fnmatch import fnmatch

from tests.architecture.source import PRODUCT, sources

STAGES = ("asr", "mt", "tts")
SERVICES = (*STAGES, "gateway", "common")

# The edges: what turns messages into our own values and back. Everything behind them knows no protobuf.
EDGES = (
    "services/common/errors.py",  # google.rpc statuses
    "services/common/server.py",  # health
    "services/common/ports.py",  # what every service serves
    "services/common/faults.py",  # mesh.fault.v1, which every service serves
    "services/common/status.py",  # mesh.stage.v1, which every service serves
    "services/*/servicer.py",
    "services/*/engines/riva*.py",  # Riva's messages to values and back
    "services/*/wire.py",  # a stage's messages to values and back
    "services/gateway/resume/admission.py",  # reads the hello
    "services/gateway/resume/received.py",
    "services/gateway/incoming/call.py",  # reads, parses and writes the public stream
    "services/gateway/incoming/greeting.py",  # waits for the hello
    "services/gateway/incoming/ingress.py",
    "services/gateway/incoming/microphone.py",
    "services/gateway/agreement/describing.py",
    "services/gateway/agreement/glossaries.py",
    "services/gateway/agreement/glossary_rules.py",
    "services/gateway/agreement/negotiation.py",
    "services/gateway/agreement/targeting.py",
    "services/gateway/account/measures.py",  # counts what was sent
    "services/gateway/outgoing/messages.py",
    "services/gateway/stages/recognizing.py",  # these call the stages
    "services/gateway/stages/speaking.py",
    "services/gateway/stages/stages.py",
    "services/gateway/stages/watching.py",
    "services/gateway/operations/overview.py",  # mesh.overview.v1
    "services/gateway/operations/scale/servicer.py",  # KEDA's contract
    "babelmesh/client.py",
    "babelmesh/errors.py",  # google.rpc statuses
    "babelmesh/gateways.py",  # opens the calls
    "babelmesh/events.py",  # the messages are the client's events
    "babelmesh/faults.py",  # mesh.fault.v1
    "babelmesh/overview.py",  # mesh.overview.v1: the messages are the values that are shown
    "babelmesh/versions.py",  # mesh.stage.v1
)


def test_a_service_imports_itself_and_common_only() -> None:
    wrong = []
    for source in sources("services"):
        service = source.path.split("/")[1]
        for node, name in source.imported():
            parts = name.split(".")
            if parts[0] == "babelmesh" or (parts[0] == "services" and parts[1] not in (service, "common")):
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong


# What writes model bundles reads them as the services do: one format, one reader.
BUNDLES = ("services.common.bundles", "services.common.errors")


def test_the_client_imports_no_service() -> None:
    wrong = []
    for source in sources("babelmesh"):
        reads_bundles = source.path.startswith("babelmesh/models/")
        for node, name in source.imported():
            if name.split(".")[0] == "services" and not (reads_bundles and name.startswith(BUNDLES)):
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong


def test_protobuf_stays_at_the_edges() -> None:
    wrong = []
    for source in sources(*PRODUCT):
        if any(fnmatch(source.path, edge) for edge in EDGES):
            continue
        wrong += [f"{source.at(node)} imports {name}" for node, name in source.imported() if "_pb2" in name]
    assert not wrong


def test_engines_know_nothing_of_the_wire() -> None:
    wrong = []
    for source in sources(*(f"services/{stage}/engines" for stage in STAGES)):
        for node, name in source.imported():
            if name.split(".")[0] in ("grpc", "mesh", "realtime") and not source.path.endswith("riva.py"):
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong
