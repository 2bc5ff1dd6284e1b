"""Make the example package importable from its folder; test_package.py installs its wheel."""

import sys

from tests.support.tutorial import EXAMPLES

sys.path.insert(0, str(EXAMPLES))
