"""Who may import whom, and who may know the messages of the wire."""

from __future__ import annotations

from fnmatch import fnmatch

from tests.architecture.source import PRODUCT, sources

STAGES = ("asr", "mt", "tts")
SERVICES = (*STAGES, "gateway", "edge", "common")

# The edges: what turns messages into our own values and back. Everything behind them knows no protobuf.
EDGES = (
    "services/common/errors.py",  # the codes of google.rpc
    "services/common/statuses.py",  # google.rpc statuses
    "services/common/server/lifecycle.py",  # health
    "services/common/server/ports.py",  # what every service serves
    "services/common/server/faults.py",  # mesh.fault.v1, which every service serves
    "services/common/server/status.py",  # mesh.stage.v1, which every service serves
    "services/*/servicer.py",
    "services/*/engines/riva/*.py",  # Riva's messages to values and back
    "services/*/wire.py",  # a stage's messages to values and back
    "services/gateway/resume/handles.py",  # reads the hello
    "services/gateway/resume/received.py",
    "services/gateway/incoming/call.py",  # reads, parses and writes the public stream
    "services/gateway/incoming/greeting.py",  # waits for the hello
    "services/gateway/incoming/ingress.py",
    "services/gateway/incoming/microphone.py",
    "services/gateway/agreement/changes.py",
    "services/gateway/agreement/describing.py",
    "services/gateway/agreement/glossaries.py",
    "services/gateway/agreement/glossary_rules.py",
    "services/gateway/agreement/masking_rules.py",
    "services/gateway/agreement/negotiation.py",
    "services/gateway/agreement/permission.py",  # holds the hello against a token
    "services/gateway/agreement/targeting.py",
    "services/gateway/account/measures.py",  # counts what was sent
    "services/gateway/outgoing/closed.py",  # enums of the contract
    "services/gateway/outgoing/messages.py",
    "services/gateway/outgoing/told_masks.py",
    "services/gateway/stages/recognizing.py",  # these call the stages
    "services/gateway/stages/speaking.py",
    "services/gateway/stages/stages.py",
    "services/gateway/stages/watching.py",
    "services/gateway/translation/lone_text.py",
    "services/gateway/operations/archive.py",  # mesh.archive.v1
    "services/gateway/operations/overview.py",  # mesh.overview.v1
    "services/gateway/operations/scale/servicer.py",  # KEDA's contract
    "services/edge/connections.py",
    "services/edge/faults.py",  # an edge's every part turns JSON into messages of the public contract, or back
    "services/edge/glossary.py",
    "services/edge/upstream.py",
    "services/edge/voices.py",
    "services/edge/*/*.py",
    "babelmesh/client/mesh.py",
    "babelmesh/client/errors.py",  # google.rpc statuses
    "babelmesh/client/gateways.py",  # opens the calls
    "babelmesh/client/events.py",  # the messages are the client's events
    "babelmesh/client/masking.py",  # what a hello says of masks
    "babelmesh/cli/archive.py",  # mesh.archive.v1: the messages are the values that are shown
    "babelmesh/cli/faults.py",  # mesh.fault.v1
    "babelmesh/cli/overview.py",  # mesh.overview.v1: the messages are the values that are shown
    "babelmesh/cli/versions.py",  # mesh.stage.v1
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
BUNDLES = ("services.common.neural.bundles", "services.common.errors")


def test_the_client_imports_no_service() -> None:
    wrong = []
    for source in sources("babelmesh"):
        reads_bundles = source.path.startswith(("babelmesh/models/", "babelmesh/cli/models.py"))
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
            if name.split(".")[0] in ("grpc", "mesh", "realtime") and "/engines/riva/" not in source.path:
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong


def test_an_engine_borrows_from_no_sibling() -> None:
    wrong = []
    for source in sources(*(f"services/{stage}/engines" for stage in STAGES)):
        own = source.path.split("/")[3].removesuffix(".py")
        for node, name in source.imported():
            parts = name.split(".")
            if parts[0] == "services" and parts[2:3] == ["engines"] and parts[1] in STAGES and parts[3] != own:
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong


# The folders of services/common, the lowest first; files beside them are lower still.
FLOORS = ("audio", "text", "telemetry", "tls", "engines", "neural", "server")


def test_what_services_share_imports_downwards() -> None:
    floors = {name: floor for floor, name in enumerate(FLOORS)}
    wrong = []
    for source in sources("services/common"):
        floor = floors.get(source.path.split("/")[2], -1)
        for node, name in source.imported():
            parts = name.split(".")
            if parts[:2] == ["services", "common"] and floors.get(parts[2], -1) > floor:
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong


# What of the package each of its folders may import: the client stands alone, for some install nothing else.
FOLDERS = {
    "client": ("client", "_stubs"),
    "models": ("models", "client", "console"),
    "local": ("local", "client", "models", "console"),
}


def test_the_client_stands_alone_and_the_command_line_on_top() -> None:
    wrong = []
    for source in sources(*(f"babelmesh/{folder}" for folder in FOLDERS)):
        for node, name in source.imported():
            parts = name.split(".")
            if parts[0] == "babelmesh" and parts[1] not in FOLDERS[source.path.split("/")[1]]:
                wrong.append(f"{source.at(node)} imports {name}")
    assert not wrong
