from __future__ import annotations

from services.common.audio import pcm


def test_bytes_are_little_endian_samples() -> None:
    assert pcm.from_bytes(b"\x01\x00\xff\x7f\x00\x80").tolist() == [1, 32_767, -32_768]
