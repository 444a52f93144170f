"""Adapter between `golden/rwrl/check_golden.py` and the environments in exact mode."""

import sys
from pathlib import Path

# The checker runs in its folder and imports only this file, so the project's root must be on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.helpers.rwrl_challenge_checks import ChallengeChecks
from tests.helpers.rwrl_domain_checks import DomainChecks
from tests.helpers.rwrl_learning_checks import LearningChecks


class Adapter(DomainChecks, ChallengeChecks, LearningChecks):
    """Implements every method that the checker's docstring lists."""
