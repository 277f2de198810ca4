"""transformers' `generate`, asked as the engine is."""

from __future__ import annotations

from typing import Any

import torch

from tests.models.mt.reference import Asked, ended


def generated(model: Any, asked: Asked) -> tuple[int, ...]:
    """The ids behind the first, with the prefix, without the end. The model: of torch, or Optimum's of ONNX files."""
    config = model.generation_config
    start = torch.tensor([[config.decoder_start_token_id, *asked.prefix]])
    source = torch.tensor([asked.source])
    with torch.inference_mode():
        found = model.generate(
            input_ids=source,
            attention_mask=torch.ones_like(source),
            decoder_input_ids=start,
            num_beams=asked.beams,
            do_sample=False,
            max_length=start.shape[1] + asked.longest,
        )
    return ended(found[0].tolist()[1:], config.eos_token_id)
