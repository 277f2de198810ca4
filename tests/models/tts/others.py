"""Makes voices of random weights, in the layouts that the engine reads: what they say is noise, but always the same.

`python -m tests.models.tts.others` in a venv with torch and transformers.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from transformers import VitsConfig, VitsModel

from tests.models.tts import bundle, export
from tests.models.tts.vits import Size, Voice

HERE = Path(__file__).parent
LETTERS = " abcdefghijlmnopqrstuvwxyz\u00e1\u00e9\u00ed\u00f1\u00f3\u00fa\u00fc'-"
SOURCE = "made by tests/models/tts/others.py: random weights"


def speakers(folder: Path) -> None:
    """Two speakers in Piper's layout, at a rate of their own."""
    torch.manual_seed(2)
    letters = "_^$ .,?!abdefijklmnopstuwxz"
    letters += "\u00f0\u014b\u025b\u0261\u0263\u026a\u0272\u027e\u0283\u028a\u028e\u029d\u02c8\u02cc\u03b2\u03b8"
    size = Size(len(letters), speakers=2, hidden=16, latent=12, channels=(16, 8, 8), kernels=(3, 5))
    voice = Voice(size)
    nn.init.constant_(voice.dp.proj.bias, 2.5)
    nn.init.normal_(voice.dec.conv_post.weight, std=0.3)
    config = {
        "audio": {"sample_rate": 22_050, "quality": "x_low"},
        "espeak": {"voice": "es"},
        "inference": {"noise_scale": 0.0, "length_scale": 1.0, "noise_w": 0.0},
        "phoneme_type": "espeak",
        "phoneme_map": {},
        "phoneme_id_map": {letter: [number] for number, letter in enumerate(letters)},
        "num_symbols": len(letters),
        "num_speakers": 2,
        "speaker_id_map": {"ana": 0, "luis": 1},
        "language": {"code": "es_ES", "family": "es", "region": "ES"},
        "piper_version": "1.0.0",
    }
    export.written(voice, size, config, folder)
    shortened(folder / "voice.onnx")
    bundle.described(folder, "piper", 22_050, SOURCE)


class Exported(nn.Module):
    """transformers' model with the inputs and outputs of Optimum's export."""

    def __init__(self, model: VitsModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Symbols and their mask [B, T] to samples [B, N] and the latent."""
        made = self.model(input_ids=input_ids, attention_mask=attention_mask, return_dict=True)
        return made.waveform, made.spectrogram


def mms(folder: Path) -> None:
    """transformers' VitsModel, very small."""
    folder.mkdir(parents=True, exist_ok=True)
    model = mms_model()
    ids = torch.arange(1, 12)[None]
    axes = {"input_ids": {0: "b", 1: "t"}, "attention_mask": {0: "b", 1: "t"}}
    axes |= {"waveform": {0: "b", 1: "n"}, "spectrogram": {0: "b", 2: "f"}}
    torch.onnx.export(
        Exported(model).eval(),
        (ids, torch.ones_like(ids)),
        str(folder / "model.onnx"),
        input_names=["input_ids", "attention_mask"],
        output_names=["waveform", "spectrogram"],
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    shortened(folder / "model.onnx")
    kept = ("model_type", "sampling_rate", "noise_scale", "noise_scale_duration", "num_speakers", "speaking_rate")
    config = {name: getattr(model.config, name) for name in kept}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "vocab.json").write_text(json.dumps(vocab(), ensure_ascii=False, indent=1) + "\n")
    tokenizer = {"add_blank": True, "normalize": True, "phonemize": False, "is_uroman": False, "language": "spa"}
    tokenizer |= {"tokenizer_class": "VitsTokenizer", "pad_token": "k", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer, indent=2) + "\n")
    bundle.described(folder, "mms", 16_000, SOURCE)


def vocab() -> dict[str, int]:
    """Characters; the first is the blank, as in MMS voices."""
    return {"k": 0, **{letter: number + 1 for number, letter in enumerate(LETTERS)}, "<unk>": len(LETTERS) + 1}


def mms_model() -> VitsModel:
    """The same each time, whatever order a version of transformers draws its first weights in."""
    config = VitsConfig(
        vocab_size=len(vocab()), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=8,
        spectrogram_bins=9, upsample_initial_channel=16, upsample_rates=[8, 8], upsample_kernel_sizes=[16, 16],
        resblock_kernel_sizes=[3, 5], resblock_dilation_sizes=[[1, 3], [1, 3]], prior_encoder_num_flows=2,
        prior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=2, depth_separable_num_layers=1,
        duration_predictor_flow_bins=4, duration_predictor_filter_channels=16, posterior_encoder_num_wavenet_layers=1,
        sampling_rate=16_000,
    )  # fmt: skip
    model = VitsModel(config).eval()
    chance = np.random.default_rng(3)
    with torch.no_grad():
        for _, weight in sorted(model.named_parameters()):
            if weight.ndim > 1:
                drawn = chance.normal(0, weight[0].numel() ** -0.5, tuple(weight.shape))
                weight.copy_(torch.from_numpy(drawn))
            elif weight.std() > 0:  # else it is one that begins as ones or zeros
                weight.zero_()
        model.duration_predictor.flows[0].translate[0] = -0.6  # each symbol takes some frames
        model.decoder.conv_post.weight.mul_(0.5)
    return model


def shortened(path: Path) -> None:
    """Renames what is inside, for half of so small a file is names. Inputs, outputs and weights stay."""
    model = onnx.load(path)
    kept = {each.name for each in (*model.graph.input, *model.graph.output)}
    names: dict[str, str] = {name: name for name in kept} | {"": ""}
    for node in model.graph.node:
        node.name, node.doc_string = "", ""
        node.input[:] = [names.setdefault(name, f"{len(names):x}") for name in node.input]
        node.output[:] = [names.setdefault(name, f"{len(names):x}") for name in node.output]
    for weight in model.graph.initializer:
        weight.name = names.setdefault(weight.name, f"{len(names):x}")
    del model.graph.value_info[:]
    onnx.save(model, path)


if __name__ == "__main__":
    speakers(HERE / "es-two")
    mms(HERE / "es-mms")
