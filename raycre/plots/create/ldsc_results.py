"""LDSC's `.results` of partitioned heritability (`ldsc.py --h2 … --overlap-annot`)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from raycre.errors import FormatError

# Theirs -> ours.
COLUMNS = {
    "Category": "category", "Prop._SNPs": "share_of_snps", "Prop._h2": "share_of_h2",
    "Prop._h2_std_error": "share_of_h2_se", "Enrichment": "enrichment",
    "Enrichment_std_error": "enrichment_se",
    "Enrichment_p": "enrichment_p",
}  # fmt: skip


def read_results(path: Path) -> pd.DataFrame:
    """Read a table: COLUMNS, a row a category; LDSC's suffix `L2_0` of a category is cut off.

    Raises:
        FormatError: a column is missing, or a value is no number.
    """
    table = pd.read_csv(path, sep=r"\s+", dtype=str)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise FormatError(
            f"LDSC's .results has the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing",
            path=path,
        )
    table = table[list(COLUMNS)].rename(columns=COLUMNS)
    for column in list(COLUMNS.values())[1:]:
        numbers = pd.to_numeric(table[column].replace("NA", "nan"), errors="coerce")
        wrong = numbers.isna() & ~table[column].isin(["NA", "nan", "NaN"]) & table[column].notna()
        if wrong.any():
            line = int(wrong.to_numpy().argmax())
            raise FormatError(
                f"{column} is a number or NA", path=path, line=line + 2, value=table[column].iloc[line]
            )
        table[column] = numbers
    return table.assign(category=table["category"].str.replace(r"L2_\d+$", "", regex=True))
