"""The language that is spoken where a client names none. Pure."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb


def usual_source(described: pb.DescribeResponse) -> str:
    """Return "auto" where languages are told apart, the only one where there is one; else empty."""
    if described.identified_langs:
        return "auto"
    return described.source_langs[0] if len(described.source_langs) == 1 else ""
