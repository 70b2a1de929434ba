"""CREATE against numbers obtained by running the authors' code; golden/create/README.md has their meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from raycre.create import augment, losses, metrics, published
from raycre.create.layout import CLASSES, MODALITIES, ROWS
from raycre.create.model import SIZES, Create
from raycre.create.quantizer import SplitQuantizer, assign, ema_update

Arrays = dict[str, np.ndarray]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def golden(shared: Path) -> Path:
    return shared / "golden" / "create"


def read_group(path: Path, group: str) -> Arrays:
    """Arrays of an npz whose keys start with `group/`, without it."""
    with np.load(path) as stored:
        return {
            key.removeprefix(f"{group}/"): stored[key] for key in stored.files if key.startswith(f"{group}/")
        }


def hash01(n: int, salt: int) -> np.ndarray:
    """n numbers in [0, 1) by the README's recipe, in wrapping 32-bit arithmetic."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.arange(n, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(salt * 0x9E3779B1 + 12345)) & mask
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(0x7FEB352D)) & mask
    x ^= x >> np.uint64(15)
    x = (x * np.uint64(0x846CA68B)) & mask
    x ^= x >> np.uint64(16)
    return x / 2**32


def fill(key: str, shape: tuple[int, ...], position: int, seed: int) -> torch.Tensor:
    """The tensor that the README's recipe gives to one key of the authors' layout."""
    if key.endswith("num_batches_tracked"):
        return torch.tensor(7)
    v = (2 * hash01(int(np.prod(shape)), 1000 * seed + position) - 1).reshape(shape)
    if key.endswith("running_mean"):
        v = 0.1 * v
    elif key.endswith("running_var"):
        v = 1 + 0.3 * v
    elif key.endswith("_ema_cluster_size"):
        v = 5 + 4 * v
    elif key.endswith(("_embedding.weight", "_ema_w")):
        v = 1.5 * v
    elif key.endswith("bias"):
        v = 0.05 * v
    elif "layernorm" in key or "convt1.2" in key:
        v = 1 + 0.1 * v
    else:
        fan = shape[0] * shape[2] if ".convt" in key else int(np.prod(shape[1:]))
        v = v * np.sqrt(6 / fan)
    return torch.from_numpy(v.astype(np.float32))


def load(state: dict[str, torch.Tensor]) -> Create:
    """A model of the sizes its weights have, without dropout."""
    ours = published.from_published(state)
    sizes, modalities = published.architecture(ours)
    sizes = replace(sizes, branch_dropout=0.0, encoder_dropout=0.0, classifier_dropout=0.0)
    model = Create(sizes, modalities)
    model.load_state_dict(ours)
    return model.eval()


@pytest.fixture(scope="session")
def small(golden: Path) -> Arrays:
    return read_group(golden / "forward.npz", "small")


@pytest.fixture(scope="session")
def real(golden: Path) -> Arrays:
    return read_group(golden / "forward.npz", "real")


def small_model(small: Arrays) -> Create:
    prefix = "param/"
    return load({k.removeprefix(prefix): torch.tensor(v) for k, v in small.items() if k.startswith(prefix)})


@pytest.fixture(scope="session")
def real_model(real: Arrays) -> Create:
    state = {}
    for position, (key, shape) in enumerate(zip(real["keys"], real["shapes"], strict=True)):
        sizes = tuple(int(part) for part in str(shape).strip("()").split(",") if part.strip())
        state[str(key)] = fill(str(key), sizes, position, int(real["seed"]))
        assert float(state[str(key)].double().sum()) == pytest.approx(
            real["param_sum_f64"][position], rel=1e-9, abs=1e-9
        )
    return load(state)


def same(found: torch.Tensor, stored: np.ndarray, atol: float, rtol: float = 0.0) -> None:
    np.testing.assert_allclose(found.detach().numpy(), stored, rtol=rtol, atol=atol)


def probabilities_of_bases(recon: torch.Tensor) -> torch.Tensor:
    n = ROWS["sequence"]
    return torch.cat([torch.sigmoid(recon[:, :n]), recon[:, n:]], dim=1)


@pytest.mark.parametrize(("group", "latent_atol"), [("small", 1e-5), ("real", 1e-4)])
def test_forward_gives_the_authors_numbers(
    group: str, latent_atol: float, small: Arrays, real: Arrays, real_model: Create
) -> None:
    stored, model = (small, small_model(small)) if group == "small" else (real, real_model)
    with torch.no_grad():
        output = model(torch.from_numpy(stored["x"]))
        mixed = model.integrate(torch.from_numpy(stored["x"]))
    np.testing.assert_array_equal(output.codes.numpy(), stored["out/indices"])
    enc1 = stored["out/enc1"] if "out/enc1" in stored else stored["out/enc1_sample0"]
    same(mixed.transpose(1, 2)[: len(enc1)], enc1, latent_atol)
    same(output.z_e, stored["out/z_e"], latent_atol)
    same(output.z_e, stored["out_f64/z_e"], latent_atol)
    same(output.z_q, stored["out/z_q"], 1e-6)
    same(probabilities_of_bases(output.recon), stored["out/recon"], 1e-5)
    same(output.logits, stored["out/logits"], 1e-5)
    same(torch.softmax(output.logits, dim=1), stored["out/softmax"], 1e-5)
    same(output.perplexity, stored["out/perplexity"], 1e-3)
    same(losses.AUTHORS_CODE.commitment * output.commitment, stored["out/commit_loss_weighted"], 1e-5)


def test_classify_gives_the_logits_of_the_full_forward(small: Arrays) -> None:
    with torch.no_grad():
        same(small_model(small).classify(torch.from_numpy(small["x"])), small["out/logits"], 1e-5)


def test_published_layout_survives_the_round_trip(small: Arrays) -> None:
    state = {k.removeprefix("param/"): torch.tensor(v) for k, v in small.items() if k.startswith("param/")}
    back = published.to_published(published.from_published(state))
    assert list(back) == list(state)
    assert all(torch.equal(back[key], state[key]) for key in state)


def test_every_published_checkpoint_layout_fits_the_paper_sizes(golden: Path) -> None:
    blocks = (golden / "state_dict.txt").read_text().split("\n## ")[1:]
    for block in blocks:
        lines = [line.split("\t") for line in block.splitlines() if "\t" in line]
        shapes = {key: tuple(int(d) for d in shape.strip("()").split(",") if d) for key, shape, *_ in lines}
        state = published.from_published({key: torch.zeros(shape) for key, shape in shapes.items()})
        sizes, modalities = published.architecture(state)
        assert modalities == MODALITIES[: 1 + block.splitlines()[0].count("+")]
        assert sizes == SIZES["paper"]
        model = Create(sizes, modalities)
        assert {k: v.shape for k, v in model.state_dict().items()} == {k: v.shape for k, v in state.items()}


@pytest.mark.parametrize("group", ["small", "real"])
def test_loss_terms_and_totals_of_both_phases(
    golden: Path, group: str, small: Arrays, real: Arrays, real_model: Create
) -> None:
    expected = read_group(golden / "losses.npz", group)
    stored, model = (small, small_model(small)) if group == "small" else (real, real_model)
    joint = losses.AUTHORS_CODE
    with torch.no_grad():
        x, y = torch.from_numpy(stored["x"]), torch.from_numpy(stored["y"])
        found = losses.terms(model(x), x, y, model.modalities, joint, model.weight_tensors())
        warmup = replace(joint, reconstruction=1.0, classification=0.0)
        totals = {"total_joint": losses.total(found, joint), "total_pretrain": losses.total(found, warmup)}
    names = {
        "bce_seq": "sequence", "mse_open": "openness", "mse_loop": "loops", "commit_unweighted": "commitment",
        "ce": "cross_entropy", "focal_silencer": "focal_silencer", "reg_loss": "norms",
    }  # fmt: skip
    for theirs, ours in names.items():
        # Their float32 L1 norm of millions of weights is itself 5e-5 off its float64 value.
        rel = 1e-4 if ours == "norms" else 1e-5
        assert found[ours].item() == pytest.approx(float(expected[theirs]), rel=rel), theirs
    for name, value in totals.items():
        assert float(value) == pytest.approx(float(expected[name]), rel=1e-5), name


def test_norm_penalty_covers_the_tensors_that_the_authors_penalise(golden: Path, small: Arrays) -> None:
    with np.load(golden / "losses.npz") as stored:
        names = [str(name) for name in stored["reg_param_names"]]
    model = small_model(small)
    theirs = published.from_published({name: torch.tensor(small[f"param/{name}"]) for name in names})
    ours = [float(tensor.detach().sum()) for tensor in model.weight_tensors()]
    assert sorted(ours) == pytest.approx(sorted(float(tensor.sum()) for tensor in theirs.values()), rel=1e-4)


@pytest.mark.parametrize("case", ["warm", "fresh"])
def test_codebook_moves_as_the_authors_do(golden: Path, case: str) -> None:
    arrays = read_group(golden / "ema_step.npz", case)
    codebook = torch.from_numpy(arrays["before/embedding"])
    quantizer = SplitQuantizer(len(codebook), 1, codebook.shape[1])
    quantizer.codebook.copy_(codebook)
    quantizer.cluster_size.copy_(torch.from_numpy(arrays["before/cluster_size"]))
    quantizer.cluster_sum.copy_(torch.from_numpy(arrays["before/ema_w"]))
    steps = sorted({key.split("/")[0] for key in arrays if key.startswith("step")})
    for step in steps:
        of_step = {k.removeprefix(f"{step}/"): v for k, v in arrays.items() if k.startswith(f"{step}/")}
        latents = torch.from_numpy(of_step["latents"])
        output = quantizer(latents.unsqueeze(1))
        np.testing.assert_array_equal(output.codes.flatten().numpy(), of_step["indices"])
        same(output.z_q.squeeze(1), of_step["quantized"], 1e-5, rtol=1e-4)
        assert float(output.perplexity) == pytest.approx(float(of_step["perplexity"]), rel=1e-4)
        assert 0.25 * float(output.commitment) == pytest.approx(float(of_step["loss"]), rel=1e-4)
        same(quantizer.cluster_size, of_step["after/cluster_size"], 1e-6, rtol=1e-5)
        same(quantizer.cluster_sum, of_step["after/ema_w"], 1e-6, rtol=1e-5)
        same(quantizer.codebook, of_step["after/embedding"], 1e-6, rtol=1e-4)


def test_pure_ema_update_is_what_the_module_does(golden: Path) -> None:
    arrays = read_group(golden / "ema_step.npz", "warm")
    latents = torch.from_numpy(arrays["step0/latents"])
    codebook = torch.from_numpy(arrays["before/embedding"])
    codes = assign(latents, codebook)
    counts = torch.bincount(codes, minlength=len(codebook)).float()
    sums = torch.zeros_like(codebook).index_add_(0, codes, latents)
    before = (torch.from_numpy(arrays["before/cluster_size"]), torch.from_numpy(arrays["before/ema_w"]))
    size, total, moved = ema_update(*before, counts, sums)
    same(size, arrays["step0/after/cluster_size"], 1e-6, rtol=1e-5)
    same(total, arrays["step0/after/ema_w"], 1e-6, rtol=1e-5)
    same(moved, arrays["step0/after/embedding"], 1e-6, rtol=1e-5)


def test_optimiser_steps_across_the_end_of_warm_up(golden: Path, small: Arrays) -> None:
    with np.load(golden / "train_steps.npz") as stored:
        arrays = {key: stored[key] for key in stored.files}
    model = small_model(small).train()
    lr = float(arrays["lr"])
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    joint = losses.AUTHORS_CODE
    for step, epoch in enumerate(arrays["epochs"]):
        order = np.roll(np.arange(len(small["x"])), step)
        x, y = torch.from_numpy(small["x"][order]), torch.from_numpy(small["y"][order])
        warming_up = epoch < arrays["pre_epoch"]
        weights = replace(joint, reconstruction=1.0, classification=0.0) if warming_up else joint
        output = model(x)
        found = losses.terms(output, x, y, model.modalities, weights, model.weight_tensors())
        loss = losses.total(found, weights)
        np.testing.assert_array_equal(output.codes.numpy(), arrays[f"step{step}/indices"])
        same(output.logits, arrays[f"step{step}/logits"], 1e-5)
        recon = found["sequence"] + joint.openness * found["openness"] + joint.loops * found["loops"]
        assert recon.item() == pytest.approx(float(arrays[f"step{step}/recon_loss"]), rel=1e-5)
        latent = joint.commitment * found["commitment"].item()
        assert latent == pytest.approx(float(arrays[f"step{step}/latent_loss"]), rel=1e-4)
        assert loss.item() == pytest.approx(float(arrays[f"step{step}/loss"]), rel=1e-5)
        if not warming_up:
            assert found["norms"].item() == pytest.approx(float(arrays[f"step{step}/reg_loss"]), rel=1e-5)
        optimizer.zero_grad()
        loss.backward()
        check_gradients(model, arrays, f"step{step}/grad/")
        optimizer.step()
        check_state(model, arrays, f"after_step{step}/", atol=2 * lr if step else 1e-5)


# Before a batch norm in training its gradient is rounding noise, which Adam amplifies (README, train_steps).
NOISE = "vqvae.dec1.convt1.1.bias"


def check_gradients(model: Create, arrays: Arrays, prefix: str) -> None:
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    theirs = published.to_published(gradients)
    for key in (key.removeprefix(prefix) for key in arrays if key.startswith(prefix)):
        if key != NOISE and "quantize3.vq" not in key:
            same(theirs[key], arrays[prefix + key], 2e-5)


def check_state(model: Create, arrays: Arrays, prefix: str, atol: float) -> None:
    theirs = published.to_published(model.state_dict())
    for key in (key.removeprefix(prefix) for key in arrays if key.startswith(prefix)):
        if key != NOISE and "running_mean" not in key:
            same(theirs[key].float(), arrays[prefix + key], atol, rtol=1e-4)


@pytest.mark.parametrize("case", ["dirichlet", "ties", "authors_example"])
def test_metrics_are_the_authors(golden: Path, case: str) -> None:
    arrays = read_group(golden / "metrics.npz", case)
    table = metrics.table(arrays["label"], arrays["prob"]).set_index(["class", "metric"])["value"]
    ours = {"auroc": "auroc", "auprc": "auprc", "accuracy": "accuracy", "precision": "precision",
            "recall": "recall", "f1": "f1_of_macro", "f1_macro_of_classes": "f1"}  # fmt: skip
    for theirs, name in ours.items():
        assert table["macro", name] == pytest.approx(float(arrays[theirs]), abs=1e-12), theirs
    for name in ("auroc", "auprc", "precision", "recall", "f1"):
        per_class = [table[c, name] for c in CLASSES]
        np.testing.assert_allclose(per_class, arrays[f"{name}_per_class"], atol=1e-12)
    np.testing.assert_array_equal(metrics.predicted(arrays["prob"]), arrays["predicted"])
    np.testing.assert_array_equal(metrics.confusion(arrays["label"], arrays["prob"]), arrays["confusion"])


def test_views_come_in_the_authors_order(golden: Path) -> None:
    aug = read_group(golden / "metrics.npz", "aug")
    for ratio in sorted({int(key.split("/")[0][5:]) for key in aug if key.startswith("split")}):
        views = augment.both_strands(ratio, int(aug["stride"]))
        np.testing.assert_array_equal(views.offsets, aug[f"split{ratio}/offset_bp"])
        np.testing.assert_array_equal(views.is_rc, aug[f"split{ratio}/is_rc"])


def test_augmented_windows_are_the_authors(golden: Path) -> None:
    aug = read_group(golden / "metrics.npz", "aug")
    x, label = aug["toy/x"], aug["toy/label"]
    n_bases = ROWS["sequence"]
    bases = x[:, :n_bases]
    codes = np.where(bases.any(axis=1), bases.argmax(axis=1), n_bases).astype(np.uint8)
    samples = augment.training_samples(label, np.arange(len(x)), aug["toy/ratios"].tolist())
    width = aug["toy/out_x"].shape[2]
    found = augment.complement(
        augment.views(torch.from_numpy(codes[samples.rows]), width, *samples.views), samples.views.is_rc
    )
    one_hot = F.one_hot(found.long(), n_bases + 1)[..., :n_bases].transpose(1, 2)
    np.testing.assert_array_equal(label[samples.rows], aug["toy/out_label"])
    np.testing.assert_array_equal(one_hot.numpy(), aug["toy/out_x"][:, :n_bases])
    for row in range(n_bases, x.shape[1]):
        track = augment.views(torch.from_numpy(x[samples.rows, row]), width, *samples.views)
        np.testing.assert_array_equal(track.numpy(), aug["toy/out_x"][:, row])
