"""The transducer's loss (Graves, "Sequence Transduction with Recurrent Neural Networks", 2012), in log space."""

from __future__ import annotations

import torch
from torch import Tensor


def transducer_loss(logits: Tensor, targets: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
    """Of each row, the negative log-probability of its targets, all alignments summed.

    logits: (batch, T, U + 1, tokens + 1), the blank last; targets: (batch, U); frames and lengths: (batch,).
    A row of the lattice is one scan over its targets: alpha[t, u] = logaddexp(alpha[t - 1, u] + blank[t - 1, u],
    alpha[t, u - 1] + label[t, u - 1]), which is a cumulative log-sum once the labels' own sums are taken out.
    """
    normalizer = torch.logsumexp(logits, dim=-1)
    blank = logits[..., -1] - normalizer
    picked = targets.unsqueeze(1).expand(-1, logits.shape[1], -1).unsqueeze(-1)
    label = logits[:, :, :-1].gather(-1, picked).squeeze(-1) - normalizer[:, :, :-1]
    sums = torch.cat((torch.zeros_like(label[:, :, :1]), label.cumsum(dim=2)), dim=2)
    alpha = sums[:, 0]
    rows = [alpha]
    for time in range(1, logits.shape[1]):
        entered = alpha + blank[:, time - 1]
        alpha = sums[:, time] + torch.logcumsumexp(entered - sums[:, time], dim=1)
        rows.append(alpha)
    ends = (torch.stack(rows, dim=1) + blank)[torch.arange(len(frames)), frames - 1, lengths]
    return -ends
