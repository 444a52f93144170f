"""Our answers to `golden/rwrl/check_golden.py`, from the environments in their exact mode."""

import sys
from pathlib import Path

# The checker runs from its own folder and knows only this file's.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.helpers.rwrl_challenge_checks import ChallengeChecks
from tests.helpers.rwrl_domain_checks import DomainChecks
from tests.helpers.rwrl_learning_checks import LearningChecks


class Adapter(DomainChecks, ChallengeChecks, LearningChecks):
    """Every method that the checker's docstring lists."""
