"""An archive in a bucket: what is acknowledged is there, whole and sealed, and gone once it is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer
from pydantic import ValidationError

from bench.chaos.archive import plain_pieces
from bench.chaos.archiving import text_of
from services.gateway.archive.cabinet import DAY_MS, Cabinet
from services.gateway.archive.receipts import Wanted, genuine
from services.gateway.archive.s3_store import Bucket, S3Store
from services.gateway.archive.sealing import State
from services.gateway.archive.store import Gone, StoreFailed
from services.gateway.settings import GatewaySettings
from tests.mesh.archived import OPERATOR, SECRET, archiving, talk_as
from tests.mesh.mesh import gateway, hello, text

NAME = "tenant/session/0-part.log"
SAID = "a secret that nobody else may read"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, request: pytest.FixtureRequest) -> Bucket:
    name = f"kept-{abs(hash(request.node.name))}"
    with urlopen(Request(f"{endpoint}/{name}", method="PUT")) as answer:
        assert answer.status == 200
    return Bucket(f"s3://{name}/archive", endpoint, "us-east-1", "key", "secret")


def settings_of(bucket: Bucket, folder: Path, **more: Any) -> dict[str, Any]:
    told = {
        "archive": bucket.url,
        "archive_s3_endpoint": bucket.endpoint,
        "archive_s3_region": bucket.region,
        "archive_s3_access_key_id": bucket.access_key_id,
        "archive_s3_secret_access_key": bucket.secret_access_key,
        "archive_audit": str(folder / "audit.log"),
    }
    return {**archiving(folder), **told, **more}


def objects(bucket: Bucket) -> dict[str, bytes]:
    """Every object of the bucket, as the store itself shows it."""
    return dict(S3Store(bucket).objects())


def test_what_is_appended_is_read_and_doing_it_again_changes_nothing(bucket: Bucket) -> None:
    store = S3Store(bucket)
    store.create(NAME, b"")
    for offset, data in ((0, b"one"), (3, b"two"), (3, b"two"), (6, b"three")):
        store.append(NAME, offset, data)
    assert store.read(NAME) == b"onetwothree"
    assert list(store.names()) == list(store.names("tenant/ses")) == [NAME]
    assert list(store.names("tenant/other")) == []


def test_what_is_joined_is_one_object_and_read_as_before(bucket: Bucket) -> None:
    store = S3Store(bucket)
    store.create(NAME, b"")
    for offset, data in ((0, b"one"), (3, b"two"), (6, b"three")):
        store.append(NAME, offset, data)
    store.join(NAME, [(0, b"one"), (3, b"two")])
    assert store.read(NAME) == b"onetwothree"
    store.join(NAME, [(0, b"onetwo"), (6, b"three")])
    store.append(NAME, 11, b"four")
    assert store.read(NAME) == b"onetwothreefour"
    store.delete(NAME)
    assert not objects(bucket)
    with pytest.raises(Gone):
        store.join(NAME, [(0, b"one"), (3, b"two")])


def test_a_kill_between_joining_and_deleting_takes_nothing_away(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = S3Store(bucket)
    store.create(NAME, b"")
    store.append(NAME, 0, b"one")
    store.append(NAME, 3, b"two")
    before = objects(bucket)
    with monkeypatch.context() as killed:
        killed.setattr("obstore.delete", lambda store, paths: None)
        store.join(NAME, [(0, b"one"), (3, b"two")])
    assert set(before) < set(objects(bucket))
    store.append(NAME, 6, b"three")
    assert store.read(NAME) == b"onetwothree"
    store.delete(NAME)
    assert not objects(bucket)


def test_what_is_joined_while_it_is_read_is_read_whole(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Store(bucket)
    store.create(NAME, b"")
    store.append(NAME, 0, b"one")
    store.append(NAME, 3, b"two")
    listed = S3Store._listed

    def joined_behind_it(self: S3Store, prefix: str) -> list[str]:
        names = listed(self, prefix)
        monkeypatch.setattr(S3Store, "_listed", listed)
        store.join(NAME, [(0, b"one"), (3, b"two")])
        return names

    monkeypatch.setattr(S3Store, "_listed", joined_behind_it)
    assert store.read(NAME) == b"onetwo"


def test_what_was_deleted_does_not_come_back(bucket: Bucket) -> None:
    store = S3Store(bucket)
    store.create(NAME, b"")
    store.append(NAME, 0, b"one")
    store.delete(NAME)
    store.delete(NAME)
    with pytest.raises(Gone):
        store.append(NAME, 3, b"two")
    with pytest.raises(Gone):
        store.read(NAME)
    assert not objects(bucket)


def test_a_store_that_is_away_says_so_and_names_nothing(bucket: Bucket) -> None:
    away = S3Store(Bucket(bucket.url, "http://127.0.0.1:9", "us-east-1", "key", "secret"))
    with pytest.raises(StoreFailed) as failed:
        away.create(NAME, b"one")
    assert NAME not in str(failed.value)
    assert "kept-" not in str(failed.value)


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"archive": "gs://kept"}, "archive:"),
        ({"archive_audit": None}, "archive_audit:"),
        ({"archive_s3_endpoint": "http://store.example"}, "TLS"),
        ({"archive_s3_secret_access_key": None}, "archive_s3_secret_access_key:"),
    ],
)
def test_a_bucket_that_could_not_be_used_is_refused(
    bucket: Bucket, tmp_path: Path, told: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        GatewaySettings(**settings_of(bucket, tmp_path, **told))
    assert field in str(refused.value)
    assert "secret'" not in str(refused.value)


async def test_a_session_is_archived_sealed_and_deleted_for_good(bucket: Bucket, tmp_path: Path) -> None:
    told = settings_of(bucket, tmp_path, archive_operators=OPERATOR)
    async with gateway(**told) as stub:
        heard = await talk_as("", stub, hello("es"), text(SAID, final=True), text("and more", final=True), person="ann")
    assert heard.of("ready")[0].archived
    cabinet = Cabinet.of(GatewaySettings(**told))
    (part,) = await cabinet.find(Wanted(subject="ann"))
    opened = await cabinet.read(part)
    texts = [json.loads(record)["text"] for record in opened.records if b'"source"' in record]
    assert (texts, opened.state) == ([SAID, "and more"], State.WHOLE)
    kept = objects(bucket)
    assert len(kept) == 3  # its key, and two of what was said: that it began, and all that was written since
    assert not [name for name, data in kept.items() if b"secret" in data or b"ann" in data or SECRET.encode() in data]
    checked = await cabinet.check()
    assert (checked.audited.wrong_line, checked.parts, checked.altered) == (0, {"whole": 1}, ())
    receipt = await cabinet.delete("officer", Wanted(subject="ann"), [part])
    assert genuine(cabinet.hiding, receipt)
    assert not objects(bucket)


def test_the_measurement_of_kills_finds_an_object_in_the_clear(bucket: Bucket, tmp_path: Path) -> None:
    cabinet = Cabinet.of(GatewaySettings(**settings_of(bucket, tmp_path)))
    cabinet.store.create("tenant/sealed", b"nothing to be read")
    assert not list(plain_pieces(cabinet))
    cabinet.store.create(f"tenant/{NAME}", b"\0\1" + text_of(1, 2).encode())
    assert list(plain_pieces(cabinet)) == [f"tenant/{NAME}"]


async def test_what_is_too_old_is_swept_with_what_crashes_left(bucket: Bucket, tmp_path: Path) -> None:
    settings = GatewaySettings(**settings_of(bucket, tmp_path))
    async with gateway(**settings_of(bucket, tmp_path)) as stub:
        await talk_as("", stub, hello("es"), text(SAID, final=True))
    cabinet = Cabinet.of(settings)
    (part,) = await cabinet.find(Wanted())
    S3Store(bucket).create(part.name.replace("/", "/lost", 1) + ".log@000000000000", b"of a part whose key is gone")
    assert await cabinet.sweep(settings, part.began_ms + 29 * DAY_MS, ()) == 0
    assert [part.name for part in await cabinet.find(Wanted())] == [part.name]
    assert not [name for name in objects(bucket) if "lost" in name]
    assert await cabinet.sweep(settings, part.began_ms + 31 * DAY_MS, ()) == 1
    assert not objects(bucket)
