"""Names of the formats that intervals are read from; for configurations, without the readers."""

FORMATS = (
    "bed", "narrowPeak", "broadPeak", "gappedPeak", "table", "parquet", "bigbed", "bedpe", "interact",
    "longrange", "bedgraph", "bigwig", "gtf", "gff3", "vcf", "bcf",
)  # fmt: skip
