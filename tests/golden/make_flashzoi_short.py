"""Make flashzoi_short.npz: borzoi-pytorch's Flashzoi run on the CPU, weights and sequences by the recipe.

    python -m tests.golden.make_flashzoi_short FOLDER_OF_FLASH_ATTN_SOURCES

In an environment of its own: torch 2.13.0 (CPU), borzoi-pytorch 0.5.1, and the unpacked sources of flash-attn
2.7.4.post1, which cannot be built without a GPU. Its multi-head attention and its rotary embedding are run as
they are, with the plain attention that they bring (use_flash_attn=False); only the Triton kernel that turns
queries and keys is replaced, by the plain function of the same file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
import torch.nn.functional as F

from tests.golden.weight_recipe import hash01, recipe

OUT = Path(__file__).with_name("flashzoi_short.npz")
SEED = 3
LENGTH, N_BINS, DIM, DEPTH, HEADS = 16_384, 256, 768, 2, 4
EDITS = ((0, 40), (8_000, 8_500))
TRACKS, MOUSE_TRACKS = (0, 1, 306, 872, 873, 7_610), (0, 2_607)


def stand_in_for_kernels(sources: Path) -> None:
    """Make flash_attn importable from its sources, without its compiled parts."""
    for name in ("flash_attn", "flash_attn.ops", "flash_attn.ops.triton", "flash_attn.ops.triton.rotary"):
        sys.modules[name] = ModuleType(name)
    sys.modules["flash_attn"].__path__ = [str(sources / "flash_attn")]  # type: ignore[attr-defined]

    def apply_rotary(x, cos, sin, *, interleaved, inplace, seqlen_offsets, **unused):  # type: ignore[no-untyped-def]
        from flash_attn.layers.rotary import apply_rotary_emb_torch

        assert inplace
        assert seqlen_offsets == 0
        return x.copy_(apply_rotary_emb_torch(x.clone(), cos[: x.shape[1]], sin[: x.shape[1]], interleaved))

    sys.modules["flash_attn.ops.triton.rotary"].apply_rotary = apply_rotary  # type: ignore[attr-defined]
    from flash_attn.modules import mha

    plain = mha.MHA
    mha.MHA = lambda **options: plain(**{**options, "use_flash_attn": False})


def main(sources: Path) -> None:
    """Run the model and store its outputs."""
    from borzoi_pytorch import Borzoi

    stand_in_for_kernels(sources)  # not before: transformers looks for a whole flash_attn
    model = Borzoi.from_hparams(
        flashed=True, dim=DIM, depth=DEPTH, heads=HEADS, bins_to_return=N_BINS, enable_mouse_head=True
    ).eval()
    built = model.state_dict()
    names = sorted(built)
    state = {name: recipe(name, built[name].shape, 1000 * SEED + i) for i, name in enumerate(names)}
    model.load_state_dict(state)

    wild_type = np.floor(4 * hash01(LENGTH, 90_000 + SEED)).astype(np.uint8)
    sequences = [wild_type]
    for number, (start, end) in enumerate(EDITS, start=1):
        edited = wild_type.copy()
        edited[start:end] = np.floor(4 * hash01(end - start, 90_000 + 10 * SEED + number))
        sequences.append(edited)
    one_hot = F.one_hot(torch.from_numpy(np.stack(sequences)).long(), 4).float().transpose(1, 2)
    with torch.no_grad():
        human = model(one_hot)[:, list(TRACKS)]
        mouse = model(one_hot, is_human=False)[:, list(MOUSE_TRACKS)]
    np.savez_compressed(
        OUT,
        edits=np.array(EDITS),
        length=LENGTH,
        depth=DEPTH,
        dim=DIM,
        heads=HEADS,
        bins_to_return=N_BINS,
        tracks=np.array(TRACKS),
        mouse_tracks=np.array(MOUSE_TRACKS),
        human=human.numpy(),
        mouse=mouse.numpy(),
        seed=SEED,
        keys=np.array(names),
        shapes=np.array([str(tuple(built[name].shape)) for name in names]),
        param_sum_f64=np.array([float(state[name].sum(dtype=torch.float64)) for name in names]),
        wt_sum=wild_type.sum(),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
