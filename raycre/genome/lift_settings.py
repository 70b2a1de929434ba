"""When an interval counts as lifted; for configurations, without the library that reads chains."""

MIN_MATCH = 0.95  # share of bases that one chain must have; minMatch of UCSC's liftOver
MAX_LENGTH_CHANGE = 0.1  # share of an interval's length; ours: 200 bp over an insertion may become 5,200
