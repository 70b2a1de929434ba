"""What a run writes and how: schemas, atomic files, the ledger of finished units."""
