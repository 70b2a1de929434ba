"""`raycre train` as a job.

ray job submit --working-dir . -- python jobs/train.py --config jobs/train.yaml
"""

import sys

from raycre.cli import main

main(["train", *sys.argv[1:]])
