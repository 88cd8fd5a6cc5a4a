"""`python -m initkit` is the `initkit` command."""

import sys

from initkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
