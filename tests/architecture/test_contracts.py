"""The contracts: their style, and that no client written against an earlier one breaks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor import Descriptor

from externalscaler import externalscaler_pb2 as externalscaler
from realtime.v1 import realtime_translate_pb2 as realtime
from tests.architecture.source import ROOT

BUF = Path(sys.executable).parent / "buf"
RELEASED = ROOT / "protos" / "released.binpb"  # `make release-proto` writes it

# Clients exist that know nothing but these.
FIXED = {
    "ClientMessage": {"hello": 1, "audio": 2, "text": 3, "control": 4},
    "SessionConfig": {"source_lang": 1, "target_lang": 2, "partial_results": 3},
    "AudioChunk": {"data": 1, "format": 2, "sample_rate": 3},
    "TextChunk": {"text": 1},
    "Control": {"action": 1},
    "ServerMessage": {"asr": 1, "translation": 2, "tts": 3, "error": 4},
    "AsrResult": {"final": 1, "text": 2},
    "TranslationResult": {"final": 1, "text": 2},
    "TtsChunk": {"data": 1, "format": 2},
    "Error": {"code": 1, "message": 2},
}

# KEDA calls by these: pkg/scalers/externalscaler/externalscaler.proto of kedacore/keda.
OF_KEDA = {
    "ScaledObjectRef": {"name": 1, "namespace": 2, "scalerMetadata": 3},
    "IsActiveResponse": {"result": 1},
    "GetMetricSpecResponse": {"metricSpecs": 1},
    "MetricSpec": {"metricName": 1, "targetSize": 2, "targetSizeFloat": 3},
    "GetMetricsRequest": {"scaledObjectRef": 1, "metricName": 2},
    "GetMetricsResponse": {"metricValues": 1},
    "MetricValue": {"metricName": 1, "metricValue": 2, "metricValueFloat": 3},
}
KEDA_CALLS = {
    "IsActive": ("ScaledObjectRef", "IsActiveResponse", False),
    "StreamIsActive": ("ScaledObjectRef", "IsActiveResponse", True),
    "GetMetricSpec": ("ScaledObjectRef", "GetMetricSpecResponse", False),
    "GetMetrics": ("GetMetricsRequest", "GetMetricsResponse", False),
}


def _complaints(*arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run([BUF, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_the_contracts_are_lint_clean() -> None:
    assert not _complaints("lint")


def test_no_contract_breaks_the_released_ones() -> None:
    assert not _complaints("breaking", "--against", str(RELEASED))


def test_a_field_with_another_number_would_be_seen(tmp_path: Path) -> None:
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    contract = tmp_path / "protos" / "realtime" / "v1" / "realtime_translate.proto"
    contract.write_text(contract.read_text().replace("string target_lang = 2;", "string target_lang = 99;"))
    assert "target_lang" in _complaints("breaking", "--against", str(RELEASED), cwd=tmp_path)


@pytest.mark.parametrize("message", FIXED)
def test_the_first_fields_keep_their_numbers(message: str) -> None:
    descriptor: Descriptor = realtime.DESCRIPTOR.message_types_by_name[message]
    assert {name: descriptor.fields_by_name[name].number for name in FIXED[message]} == FIXED[message]


def test_the_stream_keeps_its_name() -> None:
    stream = realtime.DESCRIPTOR.services_by_name["RealtimeTranslate"].methods_by_name["Stream"]
    assert stream.full_name == "realtime.v1.RealtimeTranslate.Stream"
    assert (stream.input_type.name, stream.output_type.name) == ("ClientMessage", "ServerMessage")


def test_the_scaler_is_called_as_keda_calls_it() -> None:
    messages = externalscaler.DESCRIPTOR.message_types_by_name
    numbers = {name: {field.name: field.number for field in messages[name].fields} for name in messages}
    assert numbers == OF_KEDA
    service = externalscaler.DESCRIPTOR.services_by_name["ExternalScaler"]
    assert service.full_name == "externalscaler.ExternalScaler"
    calls = {
        each.name: (each.input_type.name, each.output_type.name, each.server_streaming) for each in service.methods
    }
    assert calls == KEDA_CALLS
