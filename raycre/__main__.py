"""`python -m raycre`, as the `raycre` command."""

from raycre.cli.app import main

if __name__ == "__main__":
    main()
