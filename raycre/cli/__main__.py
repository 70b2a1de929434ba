"""`python -m raycre.cli`, as the `raycre` command."""

from raycre.cli.app import main

main()
