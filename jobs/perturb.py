"""`raycre creme` as a job.

ray job submit --working-dir . -- python jobs/perturb.py --config jobs/perturb.yaml
"""

import sys

from raycre.cli import main

main(["creme", "config", *sys.argv[1:]])
