"""Readers and arithmetic of genomic inputs: 0-based half-open int64 everywhere inside."""
