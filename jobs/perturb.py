"""`raycre creme` as a job.

ray job submit --working-dir . -- python jobs/perturb.py --config jobs/perturb.yaml
run.out must be an absolute path that every node reaches: the job's own folder is Ray's, and thrown away.
"""

import sys

from raycre.cli import main

main(["creme", "config", *sys.argv[1:]])
