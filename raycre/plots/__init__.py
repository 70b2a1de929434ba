"""The figures of the CREATE and CREME papers, drawn from finished runs for print.

A figure is a declaration at the end of the file of its family, and a row of the table in `registry.py`.
"""
