"""Figures of CREATE: models, what they have learnt, and what classified regions are."""
