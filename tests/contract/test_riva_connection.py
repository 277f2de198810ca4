"""How the Riva engines reach a server, and who they are there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from services.asr.settings import AsrSettings
from services.common.engines.selection import engine_class
from services.common.errors import InvalidArgument, MeshError, StageFailed
from services.common.settings import StageSettings
from services.mt.engine import Pair, Source
from services.mt.settings import MtSettings
from services.tts.engine import Clause
from services.tts.settings import TtsSettings
from tests.contract.fake_riva import Riva, serving
from tests.contract.test_riva_asr import heard, speech

KEY = "nvapi-of-a-test"
SETTINGS: dict[str, type[StageSettings]] = {"asr": AsrSettings, "mt": MtSettings, "tts": TtsSettings}


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority, and what it made for a server called localhost and for us."""

    folder: Path

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def make(self, name: str, extension: str) -> None:
        self._run(
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={name}",
        )
        (self.folder / f"{name}.ext").write_text(extension)
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
        self._run("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signed)

    def make_itself(self) -> None:
        self._run(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
            "-days",
            "2",
            "-subj",
            "/CN=test",
        )

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    made = Authority(tmp_path_factory.mktemp("ca"))
    made.make_itself()
    made.make("server", "subjectAltName=DNS:localhost")
    made.make("client", "extendedKeyUsage=clientAuth")
    return made


def credentials(authority: Authority, client: bool = False) -> grpc.ServerCredentials:
    pair = (authority.read("server.key"), authority.read("server.pem"))
    return grpc.ssl_server_credentials([pair], authority.read("ca.pem"), require_client_auth=client)


@asynccontextmanager
async def engine_of(stage: str, **riva: Any) -> AsyncIterator[Any]:
    engine = engine_class(stage, "riva")(SETTINGS[stage].model_validate({"riva": {"start_seconds": 3.0, **riva}}))
    try:
        await engine.start()
        yield engine
    finally:
        await engine.stop()


async def refusal(stage: str, **riva: Any) -> MeshError:
    with pytest.raises(MeshError) as raised:
        async with engine_of(stage, **riva):
            pass
    return raised.value


async def use(stage: str, engine: Any) -> None:
    if stage == "asr":
        assert await heard(engine, speech(700))
    elif stage == "mt":
        assert await engine.translate(Source("hello", Pair("en", "es")))
    else:
        assert [piece async for piece in engine.synthesize(Clause("hola", engine.voices[0]))]


@pytest.mark.parametrize("stage", SETTINGS)
async def test_over_tls_every_call_has_the_key_and_the_function(stage: str, authority: Authority) -> None:
    wanted = {"authorization": f"Bearer {KEY}", "function-id": "f-1"}
    riva = Riva(wanted=wanted)
    own = {"tls": True, "ca_file": authority.folder / "ca.pem", "api_key": KEY, "function_id": "f-1"}
    async with serving(riva, credentials(authority)) as endpoint, engine_of(stage, endpoint=endpoint, **own) as engine:
        await use(stage, engine)
    assert len(riva.metadata) >= 2
    assert all(wanted.items() <= given.items() for _, given in riva.metadata)


async def test_a_server_may_ask_for_our_certificate(authority: Authority) -> None:
    own = {"tls": True, "ca_file": authority.folder / "ca.pem"}
    certificate = {
        name: authority.folder / file
        for name, file in (("client_cert_file", "client.pem"), ("client_key_file", "client.key"))
    }
    async with serving(Riva(), credentials(authority, client=True)) as endpoint:
        async with engine_of("mt", endpoint=endpoint, **own, **certificate) as engine:
            await use("mt", engine)
        assert isinstance(await refusal("mt", endpoint=endpoint, **own, start_seconds=1.0), StageFailed)


async def test_a_server_nobody_vouches_for_is_not_trusted(authority: Authority) -> None:
    async with serving(Riva(), credentials(authority)) as endpoint:
        fault = await refusal("tts", endpoint=endpoint, tls=True, api_key=KEY, start_seconds=1.0)
    assert isinstance(fault, StageFailed)
    assert "TTS_RIVA__ENDPOINT" in str(fault)


async def test_the_key_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    riva = Riva(wanted={"authorization": f"Bearer {KEY}"})
    async with serving(riva) as endpoint, engine_of("mt", endpoint=endpoint, api_key_file=file) as engine:
        await use("mt", engine)


@pytest.mark.parametrize("stage", SETTINGS)
async def test_a_refused_key_is_told_by_the_settings_name_never_by_itself(stage: str) -> None:
    async with serving(Riva(wanted={"authorization": "Bearer another"})) as endpoint:
        fault = await refusal(stage, endpoint=endpoint, api_key=KEY)
    assert isinstance(fault, StageFailed)
    assert f"{stage.upper()}_RIVA__API_KEY" in str(fault)
    assert KEY not in str(fault)
    assert not fault.retry_after_ms


def test_a_key_shows_in_no_print_of_the_settings_and_in_no_complaint_about_them() -> None:
    settings = AsrSettings.model_validate({"riva": {"api_key": KEY}})
    assert KEY not in repr(settings)
    with pytest.raises(ValueError, match="lead_ms") as raised:
        AsrSettings.model_validate({"riva": {"api_key": KEY, "lead_ms": 1, "api_kee": KEY}, "reserved_slots": 100})
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"endpoint": "riva.example:443", "api_key": KEY}, "TLS"),
        ({"endpoint": "localhost.example:443", "api_key": KEY}, "TLS"),
        ({"api_key": f"{KEY}\nx-evil: 1"}, "API_KEY"),
        ({"api_key": KEY, "api_key_file": "/nowhere"}, "API_KEY_FILE"),
        ({"api_key_file": "/nowhere"}, "API_KEY_FILE"),
        ({"api_key_file": "/dev/null"}, "API_KEY_FILE"),
        ({"tls": True, "ca_file": "/nowhere"}, "CA_FILE"),
        ({"ca_file": __file__}, "CA_FILE"),
        ({"tls": True, "client_cert_file": __file__}, "CLIENT_CERT_FILE"),
    ],
)
async def test_a_setting_that_cannot_hold_is_named_when_the_stage_starts(wrong: dict[str, Any], named: str) -> None:
    fault = await refusal("mt", **wrong)
    assert isinstance(fault, InvalidArgument)
    assert fault.field == f"MT_RIVA__{named}"
    assert KEY not in str(fault)


async def test_a_stage_waits_for_a_server_that_starts_later_but_not_for_ever() -> None:
    fault = await refusal("asr", endpoint="127.0.0.1:1", start_seconds=0.3)
    assert isinstance(fault, StageFailed)
    assert "ASR_RIVA__ENDPOINT" in str(fault)
