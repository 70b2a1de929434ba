"""Passes and FLOPs of all of CREME's tests of one gene at full size: creme-nn's sum against raycre's one.

    python benchmarks/pipeline_counts.py [--tiles 38] [--context 100] [--shuffles 10] [--rounds 25]
        [--copies 15] [--cres 1] [--search-tracks 1]

Runs nothing. `--cres` is the number of sufficient enhancers of the gene, `--search-tracks` of tracks in
which it is searched. FLOPs of one pass are those that reuse.py counted (RESULTS.md). pipeline.py checks the
formulas of creme-nn's passes, and of ours, in every run.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

PEER_GF, WHOLE_GF = 3_293.1, 2_944.8  # one pass of enformer-pytorch, all tracks of both heads; of raycre
CACHED_GF = 594.8  # one whose crop is known: counted, of an edit predicted a second time
TRUNK_GF = 2_287.0  # of that, what is before the transformer
TILE, FINE = 5_000, (500, 50)  # bp


def edited_gf(bp: int, stretches: int = 1) -> float:
    """GFLOP of a pass that differs from its base in some stretches of `bp` in all.

    Meets what reuse.py counted for 5,000, 500 and 50 bp (668.6, 616.5, 610.5) within 0.6: the rows that an
    edit covers and 11 more a stretch go through the trunk.
    """
    return 594.1 + TRUNK_GF / 1_536 * (bp / 128 + 11 * stretches)


def pruning(n: int) -> dict[str, Any]:
    """Fine-tile search of an enhancer of 5 kb, as the published curves have it.

    Of ten sub-tiles of 500 bp nine go, the last of them in vain; of the twenty of 50 bp that this leaves,
    twice ten, the second time in vain.

    Returns:
        creme-nn's passes, its sufficiency test of the tile included; ours; GFLOP of ours.
    """
    first, second = range(10, 1, -1), (20, 10)
    tried = [(k - 1) * FINE[0] for k in first for _ in range(k)]
    # Which of the twenty go is not known: they are taken to leave five stretches on average.
    tried_later = [(k - 1) * FINE[1] for k in second for _ in range(k)]
    checks = [10 * FINE[1]]  # without all of them it is the TSS tile alone, which is known
    gf = sum(edited_gf(bp, 2) for bp in tried) + sum(edited_gf(bp, 5) for bp in tried_later + checks)
    n_tried = len(tried) + len(tried_later)
    return {
        "peer": 1 + n * (2 + n_tried + (1 + len(first)) + (1 + len(second))),
        "raycre": n * (n_tried + len(checks)),
        "raycre_gf": n * gf,
    }


def passes_of_peer(n_tiles: int, given: Mapping[str, Any]) -> dict[str, int]:
    """Sequences that creme-nn predicts for a gene; those of fine-tile search depend on it and are given."""
    n, k, cres = given["shuffles"], given["search_tracks"], given["n_cres"]
    searched = sum(n_tiles - r for r in range(given["rounds"]))
    copied = sum(n_tiles - c for c in range(given["copies"]))
    return {
        "context": 1 + given["context"],
        "necessity": 1 + n_tiles * n,
        "sufficiency": 1 + 2 * n_tiles * n,
        "finemap": given.get("finemap", 0),
        "distance": cres * (n_tiles + 1) * n,
        "greedy": 2 * k * (given["rounds"] + searched * n),
        "set": 2 * k * (given["rounds"] + 1) * n,
        "multiplicity": cres * (2 + copied) * n,
    }


def passes_left(n_tiles: int, given: Mapping[str, Any]) -> dict[str, int]:
    """The same without repetition: what a test needs that those before it, in this order, did not predict.

    Backgrounds and shuffles go by number and are shared: controls of sufficiency are the context's mutants, a
    CRE at its own place is sufficiency's mutant, the first round of every search is the necessity test, the
    first copy is the distance test, the first tile of a set is sufficiency's.
    """
    n, k, cres = given["shuffles"], given["search_tracks"], given["n_cres"]
    searched = sum(n_tiles - r for r in range(1, given["rounds"]))
    copied = sum(n_tiles - c for c in range(1, given["copies"]))
    return {
        "context": 1 + given["context"],
        "necessity": n_tiles * n,
        "sufficiency": n_tiles * n,
        "finemap": given.get("finemap_left", 0),
        "distance": cres * (n_tiles - 1) * n,
        "greedy": 2 * k * searched * n,
        "set": 2 * k * (given["rounds"] - 1) * n,
        "multiplicity": cres * copied * n,
    }


def flops_left(n_tiles: int, given: Mapping[str, Any]) -> dict[str, float]:
    """GFLOP of `passes_left`.

    A background with the TSS tile is computed whole. Every other pass differs in one tile from a base that is
    kept: wild type, background, or what the rounds before have left. From its second round on a search meets
    crops that it has computed, save those of the two neighbours of the tile that was changed last.
    """
    left, one, n = passes_left(n_tiles, given), edited_gf(TILE), given["shuffles"]
    return {
        **{name: passes * one for name, passes in left.items()},
        "context": left["context"] * WHOLE_GF,
        "finemap": given.get("finemap_gf", 0.0),
        # Each search begins without crops: it may be on another replica than the necessity test.
        "greedy": 2 * given["search_tracks"] * _later_rounds(n_tiles, given["rounds"], n, known=False),
        # The crops of the first copy are the distance test's, which is the same unit of work.
        "multiplicity": given["n_cres"] * _later_rounds(n_tiles, given["copies"], n, known=True),
    }


def _later_rounds(n_tiles: int, rounds: int, n: int, *, known: bool) -> float:
    """GFLOP of all rounds but the first of one search."""
    total = 0.0
    for r in range(1, rounds):
        tried = n_tiles - r
        new = tried if r == 1 and not known else min(tried, 2)
        total += n * (new * edited_gf(TILE) + (tried - new) * CACHED_GF)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("tiles", 38), ("context", 100), ("shuffles", 10), ("rounds", 25), ("copies", 15)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--cres", type=int, default=1)
    parser.add_argument("--search-tracks", type=int, default=1)
    asked = parser.parse_args()
    fine = {key: asked.cres * value for key, value in pruning(asked.shuffles).items()}
    given = {**vars(asked), "n_cres": asked.cres, "finemap": fine["peer"], "finemap_left": fine["raycre"]}
    given["finemap_gf"] = fine["raycre_gf"]
    before, after = passes_of_peer(asked.tiles, given), passes_left(asked.tiles, given)
    gf = flops_left(asked.tiles, given)
    rows = {name: (before[name], after[name], before[name] * PEER_GF, gf[name]) for name in before}
    alone = 1 + asked.shuffles  # wild type, and the backgrounds with the TSS tile, by themselves
    rows["all"] = tuple(sum(row[i] for row in rows.values()) for i in range(4))  # type: ignore[assignment]
    passes, left, peer_gf, our_gf = rows["sufficiency"]
    rows["sufficiency alone"] = (passes, left + alone, peer_gf, our_gf + alone * WHOLE_GF)
    print("test | passes | raycre | ratio | TFLOP | raycre | ratio")
    for name, (p, q, f, g) in rows.items():
        ratios = [f"{a / b:.2f}" if b else "-" for a, b in ((p, q), (f, g))]
        print(f"{name} | {p:,} | {q:,} | {ratios[0]} | {f / 1e3:,.0f} | {g / 1e3:,.0f} | {ratios[1]}")


if __name__ == "__main__":
    main()
