"""CREME (Toneyan et al., Nat. Genet. 2024): perturbation tests as functions of arrays.

A test is one file in `tests/` that ends with its declaration, and a row of the table in `tests/__init__.py`.
"""
