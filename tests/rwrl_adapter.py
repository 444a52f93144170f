"""Our answers to `golden/rwrl/check_golden.py`, from the environments in their exact mode."""

import sys
from pathlib import Path

# The checker runs from its own folder and knows only this file's.
sys.path.insert(0, str(Path(__file__).parents[1]))

from rwrl_domain_checks import DomainChecks


class Adapter(DomainChecks):
    """Every method that the checker's docstring lists."""
