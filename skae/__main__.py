"""Entry point of `python -m skae`."""

import sys

from .comparison._cli import main

if __name__ == "__main__":
    sys.exit(main())
