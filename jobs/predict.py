"""`raycre predict` as a job.

ray job submit --working-dir . -- python jobs/predict.py --config jobs/predict.yaml
"""

import sys

from raycre.cli import main

main(["predict", *sys.argv[1:]])
