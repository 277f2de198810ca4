"""A small cache-aware streaming FastConformer with a transducer's and a CTC head, as NeMo's streaming models are built.

Rekesh et al., "Fast Conformer with Linearly Scalable Attention for Efficient Speech Recognition", 2023 (the encoder);
Noroozi et al., "Stateful Conformer with Cache-Based Inference for Streaming Automatic Speech Recognition", 2024 (its
caches). Every convolution is causal, attention sees the open chunk and a fixed number of frames before it, so hearing a
recording whole and hearing it chunk by chunk give the same. One frame of the encoder is eight of features: 80 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

MELS = 80
SUBSAMPLING = 8
EARLIER_FRAMES = 9  # of features, before a chunk, that its first frame of the encoder is computed from
DROPPED = 2  # the subsampling's first outputs of a window: they lack what was before it
FEATURE_MEAN, FEATURE_SCALE = -8.0, 0.25  # of log mel energies: speech, noise and digital silence at -16 to 2


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a model is."""

    layers: int = 4
    width: int = 72
    heads: int = 4
    expansion: int = 2  # of the feed-forward's hidden layer
    channels: int = 32  # of the subsampling
    kernel: int = 9  # of the depthwise convolution: so many frames, the present one included
    left_frames: int = 28  # that attention sees before the chunk
    chunk_frames: int = 2  # of the encoder: 160 ms
    hidden: int = 96  # of the prediction net
    joint: int = 96
    tokens: int = 96  # without the blank, which is the last

    @property
    def chunk_shift(self) -> int:
        """Frames of features from a window to the next."""
        return self.chunk_frames * SUBSAMPLING

    @property
    def window(self) -> int:
        """Frames of features in a window."""
        return self.chunk_shift + EARLIER_FRAMES


@dataclass(frozen=True, slots=True)
class Caches:
    """What an encoder keeps of a stream, every layer of it."""

    channel: Tensor  # (batch, layers, left_frames, width): what attention saw
    time: Tensor  # (batch, layers, width, kernel - 1): what the convolution saw
    length: Tensor  # (batch,): how many of left_frames there are yet


class Subsampling(nn.Module):
    """(batch, mels, T) -> (batch, frames, width): three causal strides of two, the later two depthwise-separable."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        channels = shape.channels
        self.first = nn.Conv2d(1, channels, 3, stride=2)
        self.depthwise = nn.ModuleList(nn.Conv2d(channels, channels, 3, stride=2, groups=channels) for _ in range(2))
        self.pointwise = nn.ModuleList(nn.Conv2d(channels, channels, 1) for _ in range(2))
        bins = MELS
        for _ in range(3):
            bins = bins // 2 + 1
        self.out = nn.Linear(channels * bins, shape.width)

    def forward(self, features: Tensor) -> Tensor:
        x = (features.transpose(1, 2).unsqueeze(1) - FEATURE_MEAN) * FEATURE_SCALE
        x = functional.relu(self.first(functional.pad(x, (2, 1, 2, 1))))
        for depthwise, pointwise in zip(self.depthwise, self.pointwise, strict=True):
            x = functional.relu(pointwise(depthwise(functional.pad(x, (2, 1, 2, 1)))))
        return self.out(x.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """A Conformer's half-step feed-forward."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(shape.width)
        self.inner = nn.Linear(shape.width, shape.width * shape.expansion)
        self.outer = nn.Linear(shape.width * shape.expansion, shape.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(functional.silu(self.inner(self.norm(x))))


class Attention(nn.Module):
    """Self-attention with relative positions as in Transformer-XL: content against content, and against distance."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.size = shape.heads, shape.width // shape.heads
        self.query, self.key, self.value, self.position, self.out = (
            nn.Linear(shape.width, shape.width, bias=name != 3) for name in range(5)
        )
        self.content_bias = nn.Parameter(torch.zeros(self.heads, self.size))
        self.position_bias = nn.Parameter(torch.zeros(self.heads, self.size))

    def forward(self, x: Tensor, seen: Tensor, distances: Tensor, hidden: Tensor) -> Tensor:
        """x: (batch, n, width); seen: (batch, m, width); distances: (n, m, width); hidden: (batch or 1, n, m) bool."""
        batch, n, m = x.shape[0], x.shape[1], seen.shape[1]
        query = self.query(x).view(batch, n, self.heads, self.size)
        key = self.key(seen).view(batch, m, self.heads, self.size)
        value = self.value(seen).view(batch, m, self.heads, self.size).transpose(1, 2)
        far = self.position(distances).view(n, m, self.heads, self.size)
        content = (query + self.content_bias).transpose(1, 2) @ key.permute(0, 2, 3, 1)  # (batch, heads, n, m)
        place = (query + self.position_bias).permute(1, 2, 0, 3) @ far.permute(0, 2, 3, 1)  # (n, heads, batch, m)
        scores = (content + place.permute(2, 1, 0, 3)) / math.sqrt(self.size)
        scores = scores.masked_fill(hidden.unsqueeze(1), -1e4)
        heard = torch.softmax(scores, dim=-1) @ value
        return self.out(heard.transpose(1, 2).reshape(batch, n, self.heads * self.size))


class Convolution(nn.Module):
    """A Conformer's convolution, causal. Layer norm in it as in NeMo's streaming models: nothing hangs on a batch."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(shape.width)
        self.gates = nn.Linear(shape.width, 2 * shape.width)
        self.depthwise = nn.Conv1d(shape.width, shape.width, shape.kernel, groups=shape.width)
        self.inner_norm = nn.LayerNorm(shape.width)
        self.out = nn.Linear(shape.width, shape.width)

    def forward(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """x: (batch, n, width); before: (batch, width, kernel - 1), what was heard last. Gives that for the next."""
        gated = functional.glu(self.gates(self.norm(x)), dim=-1).transpose(1, 2)
        gated = torch.cat((before, gated), dim=2)
        x = functional.silu(self.inner_norm(self.depthwise(gated).transpose(1, 2)))
        return self.out(x), gated[:, :, -before.shape[2] :]


class Layer(nn.Module):
    """A Conformer layer: half feed-forward, attention, convolution, half feed-forward."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.before, self.after = FeedForward(shape), FeedForward(shape)
        self.attention_norm = nn.LayerNorm(shape.width)
        self.attention = Attention(shape)
        self.convolution = Convolution(shape)
        self.norm = nn.LayerNorm(shape.width)

    def forward(
        self, x: Tensor, caches: tuple[Tensor, Tensor], distances: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Gives the layer's output, what attention saw with what was cached of it, and what the convolution saw."""
        x = x + 0.5 * self.before(x)
        seen = torch.cat((caches[0], self.attention_norm(x)), dim=1)
        x = x + self.attention(seen[:, caches[0].shape[1] :], seen, distances, hidden)
        heard, time = self.convolution(x, caches[1])
        x = x + heard
        x = x + 0.5 * self.after(x)
        return self.norm(x), seen, time


class Encoder(nn.Module):
    """Features to frames of 80 ms."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.subsampling = Subsampling(shape)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def stream(self, features: Tensor, length: Tensor, caches: Caches) -> tuple[Tensor, Tensor, Caches]:
        """A window of each stream: (batch, mels, window) -> (batch, width, chunk_frames), their lengths, the caches."""
        shape = self.shape
        x = self.subsampling(features)[:, DROPPED:]
        n, left = shape.chunk_frames, shape.left_frames
        place = torch.arange(left)
        unfilled = place.unsqueeze(0) < left - caches.length.unsqueeze(1)  # (batch, left): the cache fills from its end
        hidden = torch.cat((unfilled, torch.zeros_like(unfilled[:, :1]).expand(-1, n)), dim=1).unsqueeze(1)
        distances = _sinusoids(left + torch.arange(n).unsqueeze(1) - torch.arange(left + n), shape.width)
        channels, times = [], []
        for number, layer in enumerate(self.layers):
            x, seen, time = layer(x, (caches.channel[:, number], caches.time[:, number]), distances, hidden)
            channels.append(seen[:, -left:])
            times.append(time)
        filled = torch.clamp(caches.length + n, max=left)
        lengths = (length - EARLIER_FRAMES) // SUBSAMPLING
        return x.transpose(1, 2), lengths, Caches(torch.stack(channels, 1), torch.stack(times, 1), filled)

    def forward(self, features: Tensor) -> Tensor:
        """Whole recordings, as `stream` hears them: (batch, mels, T) -> (batch, frames, width)."""
        shape = self.shape
        x = self.subsampling(features)[:, DROPPED:]
        frames = x.shape[1]
        place = torch.arange(frames)
        chunk = place // shape.chunk_frames
        first = (chunk * shape.chunk_frames - shape.left_frames).unsqueeze(1)
        hidden = ((chunk.unsqueeze(0) > chunk.unsqueeze(1)) | (place.unsqueeze(0) < first)).unsqueeze(0)
        distances = _sinusoids(place.unsqueeze(1) - place, shape.width)
        nothing = x.new_zeros(x.shape[0], 0, shape.width), x.new_zeros(x.shape[0], shape.width, shape.kernel - 1)
        for layer in self.layers:
            x, _, _ = layer(x, nothing, distances, hidden)
        return x


class Predictor(nn.Module):
    """What was said before: an LSTM over tokens. The blank is its start."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.tokens + 1, shape.hidden, padding_idx=shape.tokens)
        self.lstm = nn.LSTM(shape.hidden, shape.hidden, batch_first=True)

    def forward(self, targets: Tensor, states: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(batch, n) -> (batch, n, hidden); states: (1, batch, hidden) each."""
        said, (hidden, cells) = self.lstm(self.embedding(targets), states)
        return said, (hidden, cells)


class Joiner(nn.Module):
    """Both, to the next token's logits, which are not normalized."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heard = nn.Linear(shape.width, shape.joint)
        self.said = nn.Linear(shape.hidden, shape.joint)
        self.out = nn.Linear(shape.joint, shape.tokens + 1)

    def forward(self, heard: Tensor, said: Tensor) -> Tensor:
        """(batch, t, width), (batch, u, hidden) -> (batch, t, u, tokens + 1)."""
        return self.out(functional.relu(self.heard(heard).unsqueeze(2) + self.said(said).unsqueeze(1)))


class Recognizer(nn.Module):
    """All of it: one encoder, two heads."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder, self.predictor, self.joiner = Encoder(shape), Predictor(shape), Joiner(shape)
        self.ctc = nn.Linear(shape.width, shape.tokens + 1)


def _sinusoids(distance: Tensor, width: int) -> Tensor:
    """Of distances in frames: (..., width)."""
    frequencies = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angles = distance.unsqueeze(-1).to(torch.float32) * frequencies
    return torch.cat((torch.sin(angles), torch.cos(angles)), dim=-1)
