"""A finished CREME run against other data: marks, annotations, repeats, CRISPRi, motif tools, saliency.

Functions of frames and arrays.
"""
