"""`raycre train` as a job.

ray job submit --working-dir . -- python jobs/train.py --config jobs/train.yaml
run.out must be an absolute path that every node reaches: the job's own folder is Ray's, and thrown away.
"""

import sys

from raycre.cli import main

main(["train", *sys.argv[1:]])
