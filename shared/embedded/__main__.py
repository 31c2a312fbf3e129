"""Run `python -m shared.embedded`."""

import sys

from .cli import main

sys.exit(main())
