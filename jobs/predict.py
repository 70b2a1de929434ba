"""`raycre predict` as a job.

ray job submit --working-dir . -- python jobs/predict.py --config jobs/predict.yaml
run.out must be an absolute path that every node reaches: the job's own folder is Ray's, and thrown away.
"""

import sys

from raycre.cli import main

main(["predict", *sys.argv[1:]])
