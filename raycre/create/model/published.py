"""The authors' checkpoint layout and ours, as one table that is read in both directions."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from raycre.create.layout import MODALITIES
from raycre.create.model.sizes import Sizes
from raycre.errors import CheckpointError

# Module prefixes: theirs → ours. Weights, biases and batch-norm buffers keep their last name.
MODULES = {
    "vqvae.enc1.conv1.0": "branches.sequence.conv",
    "vqvae.enc1.layernorm1": "branches.sequence.norm",
    "vqvae.enc1.conv11.0": "branches.openness.conv",
    "vqvae.enc1.layernorm11": "branches.openness.norm",
    "vqvae.enc1.conv12.0": "branches.loops.conv",
    "vqvae.enc1.layernorm12": "branches.loops.norm",
    "vqvae.enc1.conv.0": "integration",
    "vqvae.enc2.conv2.0": "encoder2",
    "vqvae.enc3.conv3.0": "encoder3",
    "vqvae.quantize3.quantize_conv3": "to_embedding",
    "vqvae.dec3.convt3.1": "decoder3",
    "vqvae.dec2.convt2.1": "decoder2",
    "vqvae.dec1.convt1.1": "heads.sequence",
    "vqvae.dec1.convt1.2": "base_norm",
    "vqvae.dec1.convt11.1": "heads.openness",
    "vqvae.dec1.convt12.1": "heads.loops",
    "fc.1": "classifier1",
    "fc.4": "classifier2",
    "fc.7": "classifier3",
}
TENSORS = {
    "vqvae.quantize3.vq._embedding.weight": "quantizer.codebook",
    "vqvae.quantize3.vq._ema_cluster_size": "quantizer.cluster_size",
    "vqvae.quantize3.vq._ema_w": "quantizer.cluster_sum",
}
# Convolutions of kernel 1 there (out, in, 1), linear layers here (out, in).
POINTWISE = ("integration.weight", "to_embedding.weight")


def from_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the `model` entry of an authors' checkpoint to Create's state dict; tensors are shared.

    Raises:
        CheckpointError: a key that the authors' layout does not have.
    """
    ours = {_rename(key, MODULES, TENSORS): tensor for key, tensor in state.items()}
    return {key: tensor.squeeze(-1) if key in POINTWISE else tensor for key, tensor in ours.items()}


def to_published(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename Create's state dict to the authors' layout; the inverse of `from_published`."""
    modules = {ours: theirs for theirs, ours in MODULES.items()}
    tensors = {ours: theirs for theirs, ours in TENSORS.items()}
    return {
        _rename(key, modules, tensors): tensor.unsqueeze(-1) if key in POINTWISE else tensor
        for key, tensor in state.items()
    }


def _rename(key: str, modules: Mapping[str, str], tensors: Mapping[str, str]) -> str:
    if key in tensors:
        return tensors[key]
    module, _, name = key.rpartition(".")
    if module not in modules:
        raise CheckpointError(
            "no such key in CREATE's layout; give the state dict itself (the checkpoint's 'model' entry)",
            value=key,
        )
    return f"{modules[module]}.{name}"


def architecture(state: Mapping[str, Tensor]) -> tuple[Sizes, tuple[str, ...]]:
    """Read the sizes and modalities that a Create state dict (our names) was made with.

    Dropout and the codebook's start leave no trace in a state and keep their defaults.

    Raises:
        CheckpointError: a tensor of the layout is missing.
    """
    modalities = tuple(name for name in MODALITIES if f"branches.{name}.conv.weight" in state)
    try:
        widths = {name: len(state[f"branches.{name}.conv.weight"]) for name in modalities}
        signals = {width for name, width in widths.items() if name != "sequence"}
        codes, dim = state["quantizer.codebook"].shape
        embedding = len(state["to_embedding.weight"])
        sizes = Sizes(
            sequence=widths.get("sequence", Sizes.sequence),
            signal=max(signals, default=Sizes.signal),
            encoder2=len(state["encoder2.weight"]),
            encoder3=len(state["encoder3.weight"]),
            embedding=embedding,
            decoder3=state["decoder3.weight"].shape[1],
            decoder2=state["decoder2.weight"].shape[1],
            codes=codes,
            splits=embedding // dim,
            classifier=(len(state["classifier1.weight"]), len(state["classifier2.weight"])),
            classes=len(state["classifier3.weight"]),
        )
    except KeyError as missing:
        raise CheckpointError(
            "CREATE's state dict lacks this tensor; is it whole?", value=missing.args[0]
        ) from None
    return sizes, modalities
