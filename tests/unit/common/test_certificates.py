"""What is made of the files of certificates before gRPC gets them."""

from __future__ import annotations

import math
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic_settings import SettingsConfigDict

from bench.measuring.authority import Authority, Leaf
from services.common.errors import InvalidArgument
from services.common.settings import ServiceSettings
from services.common.tls.callers import names_of
from services.common.tls.pems import File, Files, Role, read
from services.common.tls.serving import on_this_machine

DAY = 86_400


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="CERTIFIED_")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Leaf:
    return authority.leaf("leaf", "DNS:localhost")


def files(role: Role, certificate: Path, key: Path, authorities: Path | None = None) -> Files:
    trusted = File("X_TLS_CLIENT_CA", authorities) if authorities else None
    return Files(role, File("X_TLS_CERTIFICATE", certificate), File("X_TLS_KEY", key), trusted)


@pytest.mark.parametrize("role", Role)
def test_a_pair_and_authorities_are_read_with_their_ends(authority: Authority, leaf: Leaf, role: Role) -> None:
    found = read(files(role, leaf.certificate, leaf.key, authority.file))
    assert found.certificate == leaf.certificate.read_bytes()
    assert found.key == leaf.key.read_bytes()
    assert found.authorities == authority.file.read_bytes()
    assert found.certificate_ends - time.time() == pytest.approx(2 * DAY, abs=300)
    assert found.authorities_end - time.time() == pytest.approx(2 * DAY, abs=300)


def test_what_is_not_there_ends_never(authority: Authority) -> None:
    found = read(Files(Role.CLIENT, authorities=File("X_STAGES_TLS_CA", authority.file)))
    assert (found.certificate, found.key, found.certificate_ends) == (b"", b"", math.inf)


def test_of_several_authorities_the_last_end_counts(authority: Authority, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(authority.file.read_bytes() + Authority.made(tmp_path / "other").file.read_bytes())
    assert read(Files(Role.CLIENT, authorities=File("X_STAGES_TLS_CA", bundle))).authorities == bundle.read_bytes()


@pytest.mark.parametrize(("use", "role"), [("clientAuth", Role.SERVER), ("serverAuth", Role.CLIENT)])
def test_a_certificate_for_the_other_side_of_connections_is_refused(authority: Authority, use: str, role: Role) -> None:
    other = authority.leaf(f"only-{use}", "DNS:localhost", use=use)
    with pytest.raises(InvalidArgument, match="unsuitable certificate purpose") as refused:
        read(files(role, other.certificate, other.key))
    assert refused.value.field == "X_TLS_CERTIFICATE"


def _expired(leaf: Leaf) -> Leaf:
    """The same certificate, signed by itself to have ended yesterday: openssl makes none that has ended."""
    held = x509.load_pem_x509_certificate(leaf.certificate.read_bytes())
    key = serialization.load_pem_private_key(leaf.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    builder = x509.CertificateBuilder(held.subject, held.subject, key.public_key(), held.serial_number)
    for extension in held.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    old = builder.not_valid_before(yesterday - timedelta(days=1)).not_valid_after(yesterday).sign(key, hashes.SHA256())
    leaf.certificate.write_bytes(old.public_bytes(serialization.Encoding.PEM))
    return leaf


@pytest.mark.parametrize("role", Role)
def test_a_certificate_that_has_expired_is_refused(authority: Authority, role: Role) -> None:
    old = _expired(authority.leaf(f"old-{role.name}", "DNS:localhost"))
    with pytest.raises(InvalidArgument, match="expired on") as refused:
        read(files(role, old.certificate, old.key))
    assert refused.value.field == "X_TLS_CERTIFICATE"


@pytest.mark.parametrize(
    ("part", "length", "says"),
    [
        ("certificate", 300, "X_TLS_CERTIFICATE: .* holds no certificates"),
        ("certificate", 0, "X_TLS_CERTIFICATE: .* holds no certificates"),
        ("key", 80, "X_TLS_KEY: .* holds no key"),
        ("key", 0, "X_TLS_KEY: .* holds no key"),
        ("authorities", -40, "X_TLS_CLIENT_CA: .*(no certificates|within a certificate)"),
        ("authorities", None, "X_TLS_CLIENT_CA: .* No such file"),
        ("key", None, "X_TLS_KEY: .* No such file"),
    ],
)
def test_a_file_that_is_not_whole_is_told_by_its_setting(
    authority: Authority, tmp_path: Path, part: str, length: int | None, says: str
) -> None:
    leaf = authority.leaf("whole", "DNS:localhost")
    paths = {"certificate": leaf.certificate, "key": leaf.key, "authorities": authority.file}
    broken = tmp_path / part
    if length is not None:
        broken.write_bytes(paths[part].read_bytes()[:length])
    paths[part] = broken
    with pytest.raises(InvalidArgument, match=says):
        read(files(Role.SERVER, paths["certificate"], paths["key"], paths["authorities"]))


def test_the_second_of_two_authorities_has_to_be_whole_too(authority: Authority, tmp_path: Path) -> None:
    pem = authority.file.read_bytes()
    half = tmp_path / "half.crt"
    half.write_bytes(pem + pem[: len(pem) // 2])
    with pytest.raises(InvalidArgument):
        read(Files(Role.CLIENT, authorities=File("X_STAGES_TLS_CA", half)))


def test_a_key_of_another_certificate_is_told_by_both_settings(authority: Authority, leaf: Leaf) -> None:
    other = authority.leaf("other", "DNS:localhost")
    with pytest.raises(InvalidArgument, match="is not the key of X_TLS_CERTIFICATE") as refused:
        read(files(Role.SERVER, leaf.certificate, other.key))
    assert refused.value.field == "X_TLS_KEY"


@pytest.mark.parametrize("algorithm", ["ed25519", "ed448"])
def test_a_key_that_grpc_cannot_use_is_refused_and_not_left_to_the_handshake(tmp_path: Path, algorithm: str) -> None:
    certificate, key = tmp_path / "e.crt", tmp_path / "e.key"
    made = ("openssl", "req", "-x509", "-newkey", algorithm, "-nodes", "-subj", "/CN=e", "-keyout", key)
    subprocess.run((*made, "-out", certificate), check=True, capture_output=True)
    with pytest.raises(InvalidArgument, match="which gRPC cannot use") as refused:
        read(files(Role.SERVER, certificate, key))
    assert refused.value.field == "X_TLS_KEY"


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1:1", True),
        ("127.8.9.1:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.0.2.1:1", False),
        ("asr:1", False),
    ],
)
def test_loopback_alone_is_this_machine(address: str, own: bool) -> None:
    assert on_this_machine(address) is own


def test_a_caller_has_the_names_of_its_certificate_and_not_its_common_name() -> None:
    shown = {
        "x509_common_name": [b"gateway"],
        "peer_dns": [b"gateway.mesh", b"a.mesh"],
        "peer_uri": [b"spiffe://mesh/gateway"],
        "peer_spiffe_id": [b"spiffe://mesh/gateway"],
    }
    assert names_of(shown) == ["spiffe://mesh/gateway", "gateway.mesh", "a.mesh"]
    assert names_of({}) == []


@pytest.mark.parametrize("callers", ["spiffe://mesh", "spiffe://mesh/", "https://mesh/a", "a b", "spiffe://mesh/a/*"])
def test_a_caller_that_is_neither_a_spiffe_id_nor_a_name_is_refused(callers: str) -> None:
    with pytest.raises(ValueError, match="neither a SPIFFE id"):
        Settings(tls_callers=callers)


def test_callers_are_parted_by_commas() -> None:
    told = Settings(tls_callers=" spiffe://mesh/ns/a/sa/b ,gateway.mesh,")
    assert told.tls_callers == ("spiffe://mesh/ns/a/sa/b", "gateway.mesh")
