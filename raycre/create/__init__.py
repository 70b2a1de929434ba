"""CREATE (Cui et al., Nat. Commun. 2025): the model, its losses, its recipe."""
