"""A small synthesizer with the graph of VITS (arXiv 2106.06103) as Piper exports it: its inputs, parts and names.

What training alone needs is left out: there is no posterior encoder, and the flow is a stack of gated convolutions
that is trained forwards, for it learns from one synthesizer whose speech is the same every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Size:
    """How large the model is; a frame of its latent is the product of `strides` samples."""

    symbols: int
    speakers: int = 1
    hidden: int = 64
    latent: int = 48
    channels: Sequence[int] = (112, 48, 16)  # of the decoder, one more than strides
    strides: Sequence[int] = (8, 8)
    kernels: Sequence[int] = (3, 7)

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return int(torch.tensor(self.strides).prod())


def masked(lengths: Tensor, longest: int | Tensor) -> Tensor:
    """[B, 1, T]: 1 up to each length, 0 after it."""
    return (torch.arange(longest)[None, :] < lengths[:, None]).unsqueeze(1).float()


class Attention(nn.Module):
    """One head over the symbols."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.conv_o = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, C, T] of the same, and its mask."""
        query, key, value = self.conv_qkv(x).chunk(3, dim=1)
        scores = query.transpose(1, 2) @ key / x.size(1) ** 0.5
        weights = scores.masked_fill(mask == 0, -1e4).softmax(-1)
        return self.conv_o((weights @ value.transpose(1, 2)).transpose(1, 2))


class TextEncoder(nn.Module):
    """Symbols to the mean and the spread of the prior."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.emb = nn.Embedding(size.symbols, size.hidden)
        self.convs = nn.ModuleList(nn.Conv1d(size.hidden, size.hidden, 5, padding=2) for _ in range(3))
        self.attention = Attention(size.hidden)
        self.proj = nn.Conv1d(size.hidden, 2 * size.hidden, 1)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, T] to three of [B, H, T]."""
        x = self.emb(ids).transpose(1, 2) * mask
        for number, conv in enumerate(self.convs):
            x = (x + functional.relu(conv(x))) * mask
            if number == 0:
                x = (x + self.attention(x, mask)) * mask
        mean, spread = (self.proj(x) * mask).chunk(2, dim=1)
        return x, mean, spread - 3


class Durations(nn.Module):
    """Logarithm of the frames of each symbol."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv1d(hidden, hidden, 3, padding=1)
        self.conv_2 = nn.Conv1d(hidden, hidden, 3, padding=1)
        self.proj = nn.Conv1d(hidden, 1, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[B, H, T] to [B, 1, T]."""
        x = functional.relu(self.conv_1(x)) * mask
        x = functional.relu(self.conv_2(x)) * mask
        return self.proj(x) * mask


class Flow(nn.Module):
    """From the prior, constant within a symbol, to the latent, which moves."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.dilations = (1, 2, 4, 8)
        self.pre = nn.Conv1d(size.hidden, size.latent, 1)
        self.in_layers = nn.ModuleList(
            nn.Conv1d(size.latent, 2 * size.latent, 5, padding=2 * d, dilation=d) for d in self.dilations
        )
        self.res_layers = nn.ModuleList(nn.Conv1d(size.latent, size.latent, 1) for _ in self.dilations)
        self.cond = nn.Conv1d(size.hidden, size.latent, 1)

    def forward(self, x: Tensor, mask: Tensor, speaker: Tensor | None) -> Tensor:
        """[B, H, F] to [B, L, F]."""
        z = self.pre(x) * mask
        if speaker is not None:
            z = (z + self.cond(speaker)) * mask
        for gates, res in zip(self.in_layers, self.res_layers, strict=True):
            moved, gate = gates(z).chunk(2, dim=1)
            z = (z + res(torch.tanh(moved) * torch.sigmoid(gate))) * mask
        return z


class ResBlock(nn.Module):
    """Two dilated convolutions, each added to what it reads (HiFi-GAN, arXiv 2010.05646, kind 2)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=(kernel - 1) * d // 2, dilation=d) for d in (1, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, N] of the same."""
        for conv in self.convs:
            x = x + conv(functional.leaky_relu(x, 0.1))
        return x


class Decoder(nn.Module):
    """Latent to samples: HiFi-GAN's generator."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.conv_pre = nn.Conv1d(size.latent, size.channels[0], 7, padding=3)
        self.cond = nn.Conv1d(size.hidden, size.channels[0], 1)
        widths = list(zip(size.channels[:-1], size.channels[1:], size.strides, strict=True))
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(wide, narrow, 2 * stride, stride, padding=stride // 2) for wide, narrow, stride in widths
        )
        self.resblocks = nn.ModuleList(
            nn.ModuleList(ResBlock(narrow, kernel) for kernel in size.kernels) for _, narrow, _ in widths
        )
        self.conv_post = nn.Conv1d(size.channels[-1], 1, 7, padding=3, bias=False)

    def forward(self, z: Tensor, speaker: Tensor | None = None) -> Tensor:
        """[B, L, F] to [B, 1, F * hop]."""
        x = self.conv_pre(z)
        if speaker is not None:
            x = x + self.cond(speaker)
        for up, blocks in zip(self.ups, self.resblocks, strict=True):
            x = up(functional.leaky_relu(x, 0.1))
            x = sum(block(x) for block in blocks) / len(blocks)
        return torch.tanh(self.conv_post(functional.leaky_relu(x)))


class Voice(nn.Module):
    """The whole of it."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.enc_p, self.dp = TextEncoder(size), Durations(size.hidden)
        self.flow, self.dec = Flow(size), Decoder(size)
        self.emb_g = nn.Embedding(size.speakers, size.hidden) if size.speakers > 1 else None

    def forward(self, input: Tensor, input_lengths: Tensor, scales: Tensor, sid: Tensor | None = None) -> Tensor:
        """Symbols [B, T] to samples [B, 1, N]; `scales` are of the noise, of the length, of the durations' noise."""
        mask = masked(input_lengths, input.size(1))
        speaker = self.speaker(sid)
        x, mean, spread = self.enc_p(input, mask)
        lengths = self.dp(x, mask)
        frames = torch.ceil(torch.exp(lengths + 0.1 * torch.randn_like(lengths) * scales[2]) * mask * scales[1])
        z, frame_mask = self.latent(mean, spread, frames, scales[0], speaker)
        return self.dec(z * frame_mask, speaker)

    def latent(
        self, mean: Tensor, spread: Tensor, frames: Tensor, noise: Tensor, speaker: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """[B, L, F] and its mask, of the prior [B, H, T] and the frames of each symbol [B, 1, T]."""
        totals = frames.sum([1, 2]).clamp_min(1).long()
        frame_mask = masked(totals, totals.max())
        ends = frames.cumsum(-1).transpose(1, 2)
        places = torch.arange(totals.max())[None, None, :]
        path = ((places < ends) & (places >= ends - frames.transpose(1, 2))).float()  # [B, T, F]
        mean, spread = mean @ path, spread @ path
        prior = mean + torch.randn_like(mean) * torch.exp(spread) * noise
        return self.flow(prior * frame_mask, frame_mask, speaker), frame_mask

    def speaker(self, sid: Tensor | None) -> Tensor | None:
        """[B, H, 1]."""
        return self.emb_g(sid).unsqueeze(-1) if self.emb_g is not None else None
