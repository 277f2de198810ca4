"""The page of a local mesh by HTTPS: its certificate, its link, and the process that serves it to phones."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import urllib.request
from pathlib import Path

import pytest
from cryptography import x509

from babelmesh.cli import page_link, self_signed
from babelmesh.cli.self_signed import kept, names
from babelmesh.client.errors import MeshFailed
from babelmesh.local.edge import edge_service
from babelmesh.local.ports import unused
from babelmesh.local.supervisor import running

LAN = "127.0.0.1"  # servers of tests are reached from this machine alone


def serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def test_a_certificate_is_kept_and_made_anew_for_another_name_or_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = kept(tmp_path, names("192.0.2.7"))
    first = serial(pair.certificate)
    assert (pair.key.stat().st_mode & 0o777, tmp_path.stat().st_mode & 0o777) == (0o600, 0o700)
    found = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(each) for each in held.get_values_for_type(x509.IPAddress)]
    assert addresses == ["192.0.2.7", "127.0.0.1", "::1"]
    assert {"localhost", socket.gethostname().lower()} <= set(held.get_values_for_type(x509.DNSName))
    assert serial(kept(tmp_path, names("192.0.2.7")).certificate) == first
    second = serial(kept(tmp_path, names("192.0.2.8")).certificate)
    assert second != first
    monkeypatch.setattr(self_signed, "RENEWED_DAYS", self_signed.DAYS + 1)
    third = serial(kept(tmp_path, names("192.0.2.8")).certificate)
    assert third != second
    monkeypatch.undo()
    pair.certificate.write_text("half of")
    assert serial(kept(tmp_path, names("192.0.2.8")).certificate) != third


async def test_the_page_is_served_by_https_with_its_own_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (port,) = unused(LAN, 1)
    front = page_link.front(port, tls=True, host=LAN)
    assert front
    assert front.certificate == tmp_path / "babelmesh" / "page" / "page.crt"
    context = ssl.create_default_context(cafile=str(front.certificate))
    async with running([edge_service(front, f"{LAN}:1")], tmp_path):

        def page() -> str:
            with urllib.request.urlopen(front.link, context=context, timeout=60) as answer:
                return str(answer.read().decode())

        assert "Babelmesh" in await asyncio.to_thread(page)
        with pytest.raises(MeshFailed, match="--edge-port"):
            edge_service(front, f"{LAN}:1")
    page_link.tell(front)
    out, err = capsys.readouterr()
    assert out.startswith(f"edge     https://{LAN}:{port}/ ")
    assert "signed the certificate itself" in err
    assert x509.load_pem_x509_certificate(front.certificate.read_bytes()).not_valid_after_utc > (
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=390)
    )


def test_a_link_is_drawn_for_cameras_and_a_machine_without_a_network_is_told_what_to_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = page_link.code("https://192.0.2.7:7780/").splitlines()
    assert {len(row) for row in rows} == {len(rows[0])}
    assert set("".join(rows)) <= set("█▀▄ ")
    monkeypatch.setattr(self_signed, "own_address", lambda: "")
    with pytest.raises(MeshFailed, match="--host"):
        page_link.front(7780, tls=True, host="")
    assert page_link.front(0, tls=True, host="") is None
    plain = page_link.front(7780, tls=False, host="")
    assert plain
    assert plain.link == "http://127.0.0.1:7780/"
