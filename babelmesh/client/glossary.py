"""Glossary files: the JSON form of the contract's Glossary."""

from __future__ import annotations

import json
from pathlib import Path

from google.protobuf import json_format

from babelmesh.client.errors import GlossaryUnreadable
from babelmesh.client.events import Glossary


def glossary_file(path: str | Path) -> Glossary:
    """Read a glossary from a file. Raises GlossaryUnreadable.

    {"terms": [{"source": "voicemail", "translations": {"es": "buzón de voz"}}]}
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        if not isinstance(content, dict):
            raise GlossaryUnreadable(f"{path}: it is no JSON object.")
        return json_format.ParseDict(content, Glossary())
    except OSError as error:
        raise GlossaryUnreadable(f"{path}: {error.strerror}.") from None
    except (ValueError, TypeError, AttributeError, json_format.ParseError) as error:
        raise GlossaryUnreadable(f"{path}: {' '.join(str(error).split())}") from None


def glossary_named(text: str) -> Glossary:
    """Return the glossary in a file, or, without such a file, a reference to the server's glossary of that name.

    Raises GlossaryUnreadable for what is no name and no file either.
    """
    if Path(text).is_file() or Path(text).suffix or Path(text).name != text:
        return glossary_file(text)
    return Glossary(name=text)
