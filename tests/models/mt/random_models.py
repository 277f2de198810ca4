"""Models of real shapes with random weights: they say nothing, but compute as the real ones do.

    python -m tests.models.mt.random_models FOLDER NAME...    (names: see MODELS)

Each becomes FOLDER/NAME-hf, as transformers has it, and FOLDER/NAME, a bundle.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import M2M100Config, M2M100ForConditionalGeneration, MarianConfig, MarianMTModel, PreTrainedModel

from tests.models.mt import vocabulary
from tests.models.mt.export import GRAPHS, Label, export, label, variants

M2M100_LANGUAGES, M2M100_SPARE = 100, 8  # tokens after the pieces, as the published models have them
NEVER = -1e4  # added to the end's logit
# How much wider than usual the weights of attention are spread, so that what follows depends on all before. In many
# layers that would blow up what rounding loses, until no two libraries agreed.
LIVELY, STEADY = 4.0, 1.0
SPREAD = 4.0  # likewise of the layers between


def main() -> None:
    """Makes each one named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+", choices=MODELS)
    parser.add_argument("--precisions", nargs="*", default=[], choices=["int8", "fp16"])
    options = parser.parse_args()
    for name in options.names:
        made(name, options.folder, options.precisions)


def made(name: str, folder: Path, precisions: Sequence[str] = (), graphs: Sequence[str] = GRAPHS) -> Path:
    """The bundle; beside it, with `-hf`, the same for transformers."""
    original = folder / f"{name}-hf"
    original.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(5)
    tags = MODELS[name](original)
    export(original, folder / name, graphs)
    variants(folder / name, precisions)
    pairs = (("en", "es"), ("en", "de")) if tags else (("en", "es"),)
    label(folder / name, Label(name, pairs, tags=tags))
    return folder / name


def tiny_marian(folder: Path) -> dict[str, str]:
    """Two layers each."""
    count = vocabulary.marian(folder, vocabulary.phrases())
    _save(MarianMTModel(marian_config(width=32, layers=2, heads=4, inner=64, count=count)), folder)
    return {}


def marian_base(folder: Path) -> dict[str, str]:
    """The shape of the published OPUS-MT models ("transformer-align"). It ends no sentence before it must."""
    return _steady_marian(folder, width=512, heads=8, inner=2048)


def marian_big(folder: Path) -> dict[str, str]:
    """The shape of the large OPUS-MT models ("transformer-big"). It ends no sentence before it must."""
    return _steady_marian(folder, width=1024, heads=16, inner=4096)


def _steady_marian(folder: Path, width: int, heads: int, inner: int) -> dict[str, str]:
    count = vocabulary.marian(folder, vocabulary.phrases(), 65001)
    model = MarianMTModel(marian_config(width=width, layers=6, heads=heads, inner=inner, count=count))
    model.final_logits_bias[0, model.config.eos_token_id] = NEVER
    _save(model, folder, STEADY)
    return {}


def m2m100_tiny(folder: Path) -> dict[str, str]:
    """Two layers each, all hundred languages."""
    return _m2m100(folder, _m2m100_shape(32, 2, 4, 64, 256))


def m2m100_smallest(folder: Path) -> dict[str, str]:
    """One layer each: hardly more than the graphs."""
    return _m2m100(folder, _m2m100_shape(16, 1, 2, 16, 64))


MODELS: dict[str, Callable[[Path], dict[str, str]]] = {
    "tiny-marian-random": tiny_marian,
    "marian-base-random": marian_base,
    "marian-big-random": marian_big,
    "m2m100-tiny-random": m2m100_tiny,
    "m2m100-smallest-random": m2m100_smallest,
}


def marian_config(width: int, layers: int, heads: int, inner: int, count: int) -> MarianConfig:
    """As OPUS-MT's are, for so many ids: the end is the first, the pad the last."""
    return MarianConfig(
        vocab_size=count,
        decoder_vocab_size=count,
        pad_token_id=count - 1,
        decoder_start_token_id=count - 1,
        eos_token_id=0,
        forced_eos_token_id=0,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=inner,
        decoder_ffn_dim=inner,
        max_position_embeddings=512,
        activation_function="swish",
        scale_embedding=True,
    )


def _m2m100_shape(width: int, layers: int, heads: int, inner: int, positions: int) -> dict[str, int | bool | str]:
    return {
        "d_model": width,
        "encoder_layers": layers,
        "decoder_layers": layers,
        "encoder_attention_heads": heads,
        "decoder_attention_heads": heads,
        "encoder_ffn_dim": inner,
        "decoder_ffn_dim": inner,
        "max_position_embeddings": positions,
        "activation_function": "relu",
        "scale_embedding": True,
    }


def _m2m100(folder: Path, shape: dict[str, int | bool | str]) -> dict[str, str]:
    first = vocabulary.m2m100(folder, vocabulary.phrases())
    config = M2M100Config(vocab_size=first + M2M100_LANGUAGES + M2M100_SPARE, **shape)
    _save(M2M100ForConditionalGeneration(config), folder)
    return {"en": "__en__", "es": "__es__", "de": "__de__"}


def save(model: PreTrainedModel, folder: Path) -> None:
    """For transformers, with the settings of decoding that published models come with."""
    generation, config = model.generation_config, model.config
    if isinstance(config, MarianConfig):
        generation.bad_words_ids, generation.renormalize_logits = [[config.pad_token_id]], True
        generation.num_beams, generation.max_length = 4, config.max_position_embeddings
    else:
        generation.early_stopping, generation.num_beams, generation.max_length = True, 5, 200
    model.eval().save_pretrained(folder)


def _save(model: PreTrainedModel, folder: Path, attention: float = LIVELY) -> None:
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Linear) and module is not model.lm_head:
                spread = SPREAD if ".fc" in name else attention
                module.weight.normal_(0.0, spread / math.sqrt(module.in_features))
                module.weight.sub_(module.weight.mean(dim=1, keepdim=True))  # or one token outweighs all others
        table = model.get_input_embeddings().weight
        table.normal_(0.0, 1 / math.sqrt(model.config.d_model))
        table[model.config.pad_token_id] = 0.0  # as in trained models; CTranslate2 takes that for granted
    save(model, folder)


if __name__ == "__main__":
    main()
