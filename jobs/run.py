"""Any verb as a job: what follows is the command line's own.

ray job submit --working-dir . -- python jobs/run.py creme necessity --config jobs/perturb.yaml
run.out must be an absolute path that every node reaches: the job's own folder is Ray's, and thrown away.
"""

import sys

from raycre.cli import main

main(sys.argv[1:])
