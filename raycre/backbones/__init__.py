"""Sequence-to-activity models behind one small contract."""
