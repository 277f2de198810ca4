from __future__ import annotations

import logging
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.common.errors import InvalidArgument
from services.common.telemetry import metrics_port
from services.common.telemetry.exporting import MOST_SERIES, Asked, asked, views

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317"}
HERE = "127.0.0.1:0"


@pytest.mark.parametrize(
    ("variables", "traces", "metrics"),
    [
        ({}, "", ""),
        (ENDPOINT, "grpc", "grpc"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4317"}, "grpc", ""),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://localhost:4317"}, "", "grpc"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "grpc", ""),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, "", "grpc"),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, "", "grpc"),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "none"}, "grpc", ""),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "prometheus"}, "grpc", ""),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "http/protobuf", "http/protobuf"),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"}, "grpc", "http/protobuf"),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, "", ""),
    ],
)
def test_the_standard_variables_choose_what_goes_over_otlp(
    variables: dict[str, str], traces: str, metrics: str
) -> None:
    chosen = asked(variables)
    assert (chosen.traces, chosen.metrics) == (traces, metrics)


@pytest.mark.parametrize(
    ("variables", "setting", "address", "named"),
    [
        ({}, HERE, HERE, "ASR_ADMIN"),
        (ENDPOINT, HERE, HERE, "ASR_ADMIN"),
        ({"OTEL_METRICS_EXPORTER": "none"}, HERE, HERE, "ASR_ADMIN"),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, HERE, HERE, "ASR_ADMIN"),
        ({"OTEL_METRICS_EXPORTER": "prometheus"}, None, "localhost:9464", "OTEL_EXPORTER_PROMETHEUS_PORT"),
        (
            {
                "OTEL_METRICS_EXPORTER": "otlp, prometheus",
                "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.9",
                "OTEL_EXPORTER_PROMETHEUS_PORT": "9999",
            },
            None,
            "127.0.0.9:9999",
            "OTEL_EXPORTER_PROMETHEUS_PORT",
        ),
        ({}, None, "", ""),
    ],
)
def test_metrics_are_served_where_the_setting_or_else_the_standard_says(
    variables: dict[str, str], setting: str | None, address: str, named: str
) -> None:
    chosen = asked(variables, setting, "ASR_ADMIN")
    assert (chosen.prometheus, chosen.prometheus_setting) == (address, named)


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"OTEL_METRICS_EXPORTER": "statsd"}, "OTEL_METRICS_EXPORTER: There is no 'statsd'"),
        ({"OTEL_METRICS_EXPORTER": "none,otlp"}, "OTEL_METRICS_EXPORTER: There is no 'none'"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: There is no 'zipkin'"),
        ({"OTEL_TRACES_EXPORTER": "prometheus"}, "OTEL_TRACES_EXPORTER: There is no 'prometheus'"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "OTEL_EXPORTER_OTLP_PROTOCOL: It is 'http/json'"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "15s"}, "OTEL_METRIC_EXPORT_INTERVAL: It is '15s'"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "0"}, "OTEL_METRIC_EXPORT_INTERVAL: It is '0'"),
        ({"OTEL_METRICS_EXEMPLAR_FILTER": "some"}, "OTEL_METRICS_EXEMPLAR_FILTER: It is 'some'"),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(variables: dict[str, str], named: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        asked(variables)
    assert named in str(refused.value)
    assert refused.value.accepted


def test_a_setting_that_the_standard_switch_forbids_is_not_ignored() -> None:
    with pytest.raises(InvalidArgument, match="OTEL_SDK_DISABLED"):
        asked({"OTEL_SDK_DISABLED": "true"}, HERE, "ASR_ADMIN")
    assert asked({"OTEL_SDK_DISABLED": "true"}) == Asked()


def test_off_the_sdk_is_not_even_imported() -> None:
    program = (
        "import sys; from services.common import server\n"
        "from services.common.telemetry import tracing\n"
        "from services.common.telemetry.exporting import exported\n"
        "from services.mt.settings import MtSettings\n"
        "with exported('mt', MtSettings()):\n"
        "    assert not tracing.tracer.start_span('x').is_recording()\n"
        "off = ('opentelemetry.sdk', 'opentelemetry.exporter', 'prometheus_client')\n"
        "sys.exit(any(name.startswith(off) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env={"PATH": ""})


@pytest.mark.parametrize("missing", ["opentelemetry.exporter.prometheus", "opentelemetry.sdk"])
def test_without_the_extra_a_line_says_what_to_install(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None; from services.mt.__main__ import make, run; run('mt', make)"
    )
    told = _ended(program, {"MT_ENGINE": "scripted", "MT_ADMIN": HERE})
    assert told == (
        "mt cannot start: MT_ADMIN: It asks for telemetry, which is not installed: "
        "pip install 'babelmesh-server[telemetry]'."
    )


def test_a_port_in_use_is_one_line_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = _ended(
            "from services.mt.__main__ import make, run; run('mt', make)",
            {"MT_ENGINE": "scripted", "MT_ADMIN": address},
        )
    assert told == f"mt cannot start: MT_ADMIN: {address} cannot be listened on: Address already in use."


@pytest.fixture
def served(caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    """Where metrics are served, with one counted; the port is the one that was logged."""
    with caplog.at_level(logging.INFO), metrics_port.served(HERE, "ANY") as reader:
        (port,) = [record.__dict__["fields"]["port"] for record in caplog.records if record.msg == "metrics served"]
        provider = MeterProvider([reader], shutdown_on_exit=False)
        provider.get_meter("babelmesh").create_counter("babelmesh.refusals").add(1)
        yield f"http://127.0.0.1:{port}"
        provider.shutdown()


def test_metrics_are_at_one_path_and_nothing_elsewhere(served: str) -> None:
    with urllib.request.urlopen(f"{served}/metrics", timeout=60) as answer:
        assert b"babelmesh_refusals_total 1.0" in answer.read()
    for path in ("/", "/metrics/", "/favicon.ico"):
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(f"{served}{path}", timeout=60)
        refused.value.close()


def test_a_scraper_that_says_nothing_holds_up_no_other(served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_port._Handler, "timeout", 3600)  # nobody is to be waiting for its end
    host, _, port = served.removeprefix("http://").partition(":")
    with (
        socket.create_connection((host, int(port))),
        urllib.request.urlopen(f"{served}/metrics", timeout=60) as answer,
    ):
        assert answer.status == 200


def test_a_metric_has_the_attributes_of_its_entry_and_so_many_series_at_most() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False, views=views())
    refusals = provider.get_meter("babelmesh").create_counter("babelmesh.refusals")
    for number in range(MOST_SERIES + 100):
        refusals.add(1, {"stage": "asr", "code": f"CODE_{number}", "session": f"{number}"})
    read = reader.get_metrics_data()
    provider.shutdown()
    assert read
    points = read.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert len(points) == MOST_SERIES + 1
    assert {frozenset(point.attributes or ()) for point in points} == {
        frozenset({"stage", "code"}),
        frozenset({"otel.metric.overflow"}),
    }


def _ended(program: str, variables: dict[str, str]) -> str:
    """What a program that cannot start says last."""
    command, environment = [sys.executable, "-c", program], {"PATH": "", **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line
