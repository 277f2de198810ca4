"""Trains the voice: fifteen minutes on one thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from tests.models.tts.speech import BANDS, HOP, Spoken, bands
from tests.models.tts.vits import Size, Voice, masked

BATCH = 12
SEGMENT = 100  # frames that the decoder is trained on at a time
EDGE = 5  # of them at either end that are not judged: the decoder lacks what is beside them
NOISE = 0.3
PEAK = 2e-3
RESOLUTIONS = (256, 512, 1024)


@dataclass
class Batch:
    """Padded sentences."""

    ids: Tensor  # [B, T]
    lengths: Tensor  # [B]
    frames: Tensor  # [B, 1, T]
    bands: Tensor  # [B, F, bands]
    samples: Tensor  # [B, F * HOP]


def batch(chosen: Sequence[Spoken], ids: dict[str, int]) -> Batch:
    """Sentences side by side."""
    spelled = [torch.tensor([ids[symbol] for symbol in each.symbols]) for each in chosen]
    heard = [each.samples[: len(each.samples) // HOP * HOP] for each in chosen]
    return Batch(
        ids=pad_sequence(spelled, batch_first=True),
        lengths=torch.tensor([len(each) for each in spelled]),
        frames=pad_sequence([torch.from_numpy(each.frames).float() for each in chosen], batch_first=True)[:, None],
        bands=pad_sequence([torch.from_numpy(bands(samples)) for samples in heard], batch_first=True),
        samples=pad_sequence([torch.from_numpy(samples) for samples in heard], batch_first=True),
    )


def trained(spoken: Sequence[Spoken], ids: dict[str, int], size: Size, seconds: float) -> Voice:
    """A voice that says what it was shown."""
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    voice, probe = Voice(size), nn.Conv1d(size.latent, BANDS, 1)
    weights = [*voice.parameters(), *probe.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=PEAK, betas=(0.8, 0.99), weight_decay=0.01)
    start, step = time.monotonic(), 0
    while (spent := (time.monotonic() - start) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = PEAK * min(1, step / 100) * min(1, 1.02 - spent)
        chosen = random.choice(len(spoken), BATCH, replace=False)
        losses = _losses(voice, probe, batch([spoken[place] for place in chosen], ids))
        optimizer.zero_grad()
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            told = " ".join(f"{name} {loss.item():.3f}" for name, loss in losses.items())
            print(f"{spent:.0%} step {step} {told}", flush=True)
    return voice


def _losses(voice: Voice, probe: nn.Module, shown: Batch) -> dict[str, Tensor]:
    mask = masked(shown.lengths, shown.ids.size(1))
    x, mean, spread = voice.enc_p(shown.ids, mask)
    guessed = voice.dp(x.detach(), mask)
    wanted = torch.log((shown.frames - 0.4).clamp_min(0.1))  # so that ceil brings it to the whole number
    z, frame_mask = voice.latent(mean, spread.detach(), shown.frames, torch.tensor(NOISE), None)
    z = z * frame_mask
    apart = (probe(z) - shown.bands.transpose(1, 2)[..., : z.size(2)]).abs() * frame_mask
    parts, heard = [], []
    for each, samples, frames in zip(z, shown.samples, frame_mask.sum([1, 2]).long().tolist(), strict=True):
        first = int(torch.randint(0, max(1, frames - SEGMENT + 1), ()))
        parts.append(functional.pad(each[:, first : first + SEGMENT], (0, max(0, SEGMENT - frames))))
        piece = samples[first * HOP : (first + SEGMENT) * HOP]
        heard.append(functional.pad(piece, (0, SEGMENT * HOP - len(piece))))
    made = voice.dec(torch.stack(parts)).squeeze(1)[:, EDGE * HOP : -EDGE * HOP]
    return {
        "durations": ((guessed - wanted).square() * mask).sum() / mask.sum(),
        "bands": 0.5 * apart.sum() / frame_mask.sum() / BANDS,
        **_spectral(made, torch.stack(heard)[:, EDGE * HOP : -EDGE * HOP]),
    }


def _spectral(made: Tensor, heard: Tensor) -> dict[str, Tensor]:
    """Distances of the magnitudes at several resolutions (Parallel WaveGAN, arXiv 1910.11480)."""
    found = {}
    for width in RESOLUTIONS:
        window = torch.hann_window(width)
        mine, its = (
            torch.stft(x, width, width // 4, window=window, return_complex=True).abs().clamp_min(1e-3)
            for x in (made, heard)
        )
        found[f"log{width}"] = (mine.log() - its.log()).abs().mean()
        found[f"converged{width}"] = (mine - its).norm() / its.norm()
    return found
