"""The languages that may be spoken in a session: one, or several between which the recognizer tells."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.common.text import languages
from services.gateway.catalog import Catalog

AUTO = "auto"
MOST_SOURCES = 10  # that a client may list

_FIELD = "hello.source_lang"
_FIELDS = "hello.source_langs"


def agree_sources(hello: pb.SessionConfig, catalog: Catalog) -> tuple[str, ...]:
    """The source languages of a session, as the recognizer calls them, the default first.

    Raises InvalidArgument naming the field and what it accepts.
    """
    if hello.source_langs:
        return _listed(hello, catalog)
    if hello.source_lang == AUTO:
        return _any(hello, catalog)
    return (catalog.require_source(hello.source_lang, heard=hello.HasField("input")),)


def _listed(hello: pb.SessionConfig, catalog: Catalog) -> tuple[str, ...]:
    if len(hello.source_langs) > MOST_SOURCES:
        message = f"{len(hello.source_langs)} languages are listed."
        raise InvalidArgument("SOURCE_COUNT", message, _FIELDS, [f"1 to {MOST_SOURCES} languages"])
    found: list[str] = []
    for index, tag in enumerate(hello.source_langs):
        path = f"{_FIELDS}[{index}]"
        known = catalog.require_source(tag, heard=len(hello.source_langs) > 1 or hello.HasField("input"), path=path)
        if known in found:
            raise InvalidArgument("SOURCE_REPEATED", f"{quoted(tag)} is listed twice.", path, ["each once"])
        found.append(known)
    if hello.source_lang and not languages.resolve(hello.source_lang, found[:1]):
        message = "Both source_lang and source_langs are set, and the first of the list is another one."
        raise InvalidArgument("SOURCES_TWICE", message, _FIELD, ["unset", found[0]])
    if len(found) > 1:
        for index, lang in enumerate(found):
            _require_identified(lang, f"{_FIELDS}[{index}]", catalog)
    return tuple(found)


def _require_identified(lang: str, path: str, catalog: Catalog) -> None:
    if lang not in catalog.identified:
        why = f"{lang!r} is not told from other languages here. The engines of one recognition service would have to"
        message = f"{why} recognize and identify all that are listed."
        raise InvalidArgument("NOT_IDENTIFIED", message, path, catalog.identified or ["one language"])


def _any(hello: pb.SessionConfig, catalog: Catalog) -> tuple[str, ...]:
    """All languages that are told apart, and translated into every target or the same."""
    if not catalog.identified:
        message = "The recognizer here does not tell languages apart."
        raise InvalidArgument("NOT_IDENTIFIED", message, _FIELD, catalog.source_langs)
    wanted = [hello.target_lang] if hello.target_lang else [target.lang for target in hello.targets]
    for lang in wanted:
        languages.require(lang, {*catalog.identified, *(target for _, target in catalog.pairs)}, "hello.targets")
    found = tuple(source for source in catalog.identified if all(_reaches(source, lang, catalog) for lang in wanted))
    if not found:
        message = "No language that is told from others is translated into all targets."
        raise InvalidArgument("NOT_IDENTIFIED", message, _FIELD, catalog.source_langs)
    return found


def _reaches(source: str, target: str, catalog: Catalog) -> bool:
    return languages.resolve(target, [source, *catalog.target_langs(source)]) is not None
