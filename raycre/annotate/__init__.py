"""What is known about regions: motifs in them, conservation, methylation, contacts, variants, genes.

A file an annotation, each with its declaration. Functions of arrays and tables.
"""
