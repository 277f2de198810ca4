"""The terms of a room: each in several languages, whoever speaks which of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.common.text.languages import MAX_TAG_LENGTH, same, written
from services.edge.fields import as_list, as_object, as_text

MOST_TERMS = 500
MOST_LENGTH = 200


def read_terms(value: object, path: str) -> list[Mapping[str, str]]:
    """Return terms of JSON: a list of objects, from language to term. Raises InvalidArgument."""
    given = as_list(value, path)
    if len(given) > MOST_TERMS:
        raise InvalidArgument("TOO_MANY_TERMS", f"There are {len(given)} terms.", path, [f"at most {MOST_TERMS}"])
    return [_term(each, f"{path}[{index}]") for index, each in enumerate(given)]


def _term(value: object, path: str) -> Mapping[str, str]:
    found = {}
    for lang, term in as_object(value, path).items():
        if len(lang) > MAX_TAG_LENGTH or not written(lang):
            raise InvalidArgument("UNKNOWN_LANGUAGE", "A term is named by its language.", path, ["language tags"])
        text = as_text(term, f"{path}.{lang}").strip()
        if not 0 < len(text) <= MOST_LENGTH:
            accepted = [f"1 to {MOST_LENGTH} characters"]
            raise InvalidArgument("TERM_TOO_LONG", "A term is empty, or too long.", f"{path}.{lang}", accepted)
        found[lang] = text
    if len(found) < 2:
        raise InvalidArgument("TERM_ALONE", "A term is given in two languages at least.", path, ['{"en": …, "es": …}'])
    return found


def glossary(terms: mesh.Terms, source_langs: Sequence[str]) -> pb.Glossary:
    """Return the terms as a session's glossary, whose sources are in the first of the languages that are spoken."""
    found = pb.Glossary()
    own = next(iter(source_langs), "")
    for term in terms.terms:
        source = next((text for lang, text in term.by_lang.items() if own and own != "auto" and same(lang, own)), "")
        others = {lang: text for lang, text in term.by_lang.items() if not same(lang, own)} if source else {}
        if source:
            found.terms.add(source=source, translations=others)
    return found
