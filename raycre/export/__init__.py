"""A run as files that genome browsers and other programs open: a file a format; `formats.py` is the table."""
