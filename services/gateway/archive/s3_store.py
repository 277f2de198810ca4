"""Where parts lie when that is an S3-compatible store. What it is given is sealed already; no disk has any of it.

A piece is an object of its name, and one more for each `append`, named by its offset: NAME@000000000042. An object is
there whole or not at all, and what a store has acknowledged stays; writing it again changes nothing. So the objects are
the unit of durability, and there is no spool on a disk that would have to be sealed, swept and uploaded as well.

`join` puts one object, NAME@OFFSET-LENGTH, in the place of many. It is there before the others are deleted, and what
both hold is read once: whoever is killed in between, or deletes what is read, takes nothing away.

Stores are asked in threads: they block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from services.gateway.archive.store import Gone, StoreFailed

_MODULE = "obstore"
_APPENDED = "@"
_LENGTH = "-"
_DIGITS = 12  # of an offset, and of a length
_MOST_SECONDS = 10  # for a request, with all that is tried again
_TRIES = 3
_MOST_READS = 5  # of a piece whose objects are joined while it is read


def installed() -> bool:
    """Return whether objects can be stored (the extra `s3`)."""
    return find_spec(_MODULE) is not None


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, where it is, and by whose keys; what is empty comes from the environment, as for any client of S3."""

    url: str  # s3://BUCKET or s3://BUCKET/PREFIX
    endpoint: str = ""
    region: str = ""
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)


class S3Store:
    """A bucket of an S3-compatible store. Every change is acknowledged by it when a call returns."""

    joins = True

    def __init__(self, bucket: Bucket) -> None:
        self._obstore: Any = import_module(_MODULE)
        self._faults = (import_module(f"{_MODULE}.exceptions").BaseError, OSError)
        told = {
            "endpoint": bucket.endpoint,
            "region": bucket.region,
            "access_key_id": bucket.access_key_id,
            "secret_access_key": bucket.secret_access_key,
        }
        self._store = import_module(f"{_MODULE}.store").S3Store.from_url(
            bucket.url,
            config={key: value for key, value in told.items() if value},
            client_options={"allow_http": bucket.endpoint.startswith("http://"), "timeout": f"{_MOST_SECONDS}s"},
            retry_config={"max_retries": _TRIES - 1, "retry_timeout": timedelta(seconds=_MOST_SECONDS)},
        )

    def create(self, name: str, data: bytes) -> None:
        """Put an object, which is there whole or not at all. Raises StoreFailed."""
        self._asked(lambda: self._obstore.put(self._store, name, data))

    def append(self, name: str, offset: int, data: bytes) -> None:
        """Put one more object of a piece. Raises StoreFailed; Gone where the piece was deleted.

        What is put while the piece is being deleted has no key any more, and the sweeper takes it away.
        """
        self._asked(lambda: self._obstore.head(self._store, name))
        if data:
            self._asked(lambda: self._obstore.put(self._store, _appended(name, offset), data))

    def join(self, name: str, appended: Sequence[tuple[int, bytes]]) -> None:
        """Put one object in the place of some that were appended one behind the other, by offset. Raises StoreFailed.

        Only who appends may do this: another's join could be of fewer.
        """
        self._asked(lambda: self._obstore.head(self._store, name))
        (offset, _), whole = appended[0], b"".join(data for _, data in appended)
        joined = f"{_appended(name, offset)}{_LENGTH}{len(whole):0{_DIGITS}d}"
        self._asked(lambda: self._obstore.put(self._store, joined, whole))
        self._asked(lambda: self._obstore.delete(self._store, [_appended(name, each) for each, _ in appended]))

    def read(self, name: str) -> bytes:
        """The objects of a piece, up to the first that is missing. Raises StoreFailed; Gone where there is none."""
        for _ in range(_MOST_READS):
            whole = self._get(name)
            with suppress(Gone):  # an object was joined to others since they were listed
                return self._read_on(name, whole)
        raise StoreFailed("The archive's store changes while it is read.")

    def _read_on(self, name: str, whole: bytes) -> bytes:
        for appended in sorted(self._appended(name), key=_place):
            offset, _ = _place(appended)
            if offset > len(whole):
                break
            if offset == len(whole):  # others are in one that was read
                whole += self._get(appended)
        return whole

    def names(self, prefix: str = "") -> Iterator[str]:
        """The names of all pieces, each once, also of those that only have appended objects left."""
        return iter(sorted({name.partition(_APPENDED)[0] for name in self._listed(prefix)}))

    def delete(self, name: str) -> None:
        """Delete all objects of a piece, that of its name first: nothing is appended from then on."""
        for each in (name, *self._appended(name)):
            with suppress(Gone):
                self._asked(partial(self._obstore.delete, self._store, each))

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """All objects with what is in them, as the store itself shows them. Raises StoreFailed."""
        return ((name, self._get(name)) for name in self._listed(""))

    def _appended(self, name: str) -> list[str]:
        return [each for each in self._listed(name.rpartition("/")[0]) if each.startswith(name + _APPENDED)]

    def _listed(self, prefix: str) -> list[str]:
        """The names of objects that begin so; the store itself looks at whole folders alone."""
        folder = prefix.rpartition("/")[0] if not prefix.endswith("/") else prefix.rstrip("/")
        pages = self._asked(lambda: [*self._obstore.list(self._store, folder or None)])
        return [str(each["path"]) for page in pages for each in page if str(each["path"]).startswith(prefix)]

    def _get(self, name: str) -> bytes:
        return bytes(self._asked(lambda: self._obstore.get(self._store, name).bytes()))

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except FileNotFoundError:
            raise Gone("There is no such piece in the archive.") from None
        except self._faults as error:
            raise StoreFailed(f"The archive's store fails: {type(error).__name__}.") from None


def _appended(name: str, offset: int) -> str:
    return f"{name}{_APPENDED}{offset:0{_DIGITS}d}"


def _place(appended: str) -> tuple[int, int]:
    """What appended objects are read by: their offset, and the longest of those that have the same first."""
    offset, _, length = appended.rpartition(_APPENDED)[2].partition(_LENGTH)
    return int(offset), -int(length or 0)
