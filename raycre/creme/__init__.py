"""CREME (Toneyan et al., Nat. Genet. 2024): perturbation tests as functions of arrays. Knows nothing of Ray."""
