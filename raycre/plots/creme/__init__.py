"""Figures of CREME's tests. A file is a family; its last lines declare the figures."""
