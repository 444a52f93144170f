"""What tests share: a guard for those that need a GL library."""

import pytest

from utils.rendering import can_render


@pytest.fixture
def gl():
    """Skips, saying so, where no picture can be made."""
    if not can_render():
        pytest.skip("no GL library here (libegl1 or libosmesa6)")
