"""The low-pass filter of controls: rest, attenuation and independence of simulations."""

import numpy as np
import pytest

from envs.locomotion.filters import LowPass

DT = 0.05


def gain(hertz, cutoff=4.0, steps=400):
    """Returns the amplitude of a filtered sine of amplitude 1, after its start."""
    low_pass = LowPass(1, 1, cutoff, DT)
    low_pass.reset(np.array([0]), np.zeros(1))
    sine = [low_pass.step(np.sin(2 * np.pi * hertz * DT * k) * np.ones((1, 1)))[0, 0] for k in range(steps)]
    return np.std(sine[100:]) * 2**0.5


@pytest.mark.parametrize(("hertz", "wanted"), [(0.3, 1.0), (4.0, 0.5**0.5), (9.5, 0.0)])
def test_it_passes_slow_controls_halves_the_power_at_the_cutoff_and_stops_fast_ones(hertz, wanted):
    assert gain(hertz) == pytest.approx(wanted, abs=0.02)


def test_constant_controls_pass_unchanged_from_the_reset_on_and_other_simulations_go_on():
    low_pass, alike = LowPass(2, 3, 4.0, DT), LowPass(2, 3, 4.0, DT)
    controls = np.array([[1.0, -2.0, 3.0], [0.5, 0.5, 0.5]])
    for each in (low_pass, alike):
        each.reset(np.arange(2), np.zeros(3))
        each.step(controls)
    low_pass.reset(np.array([0]), controls[0])
    np.testing.assert_allclose(low_pass.step(controls)[0], controls[0], rtol=1e-12)
    np.testing.assert_array_equal(low_pass.step(controls)[1], [alike.step(controls) for _ in range(2)][1][1])
