"""Checks of the RLlib example that need no Ray."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def pins(path):
    lines = [line for line in (ROOT / path).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def test_the_rllib_example_pins_every_package_and_what_it_shares_with_the_project_alike():
    own, projects = pins("examples/requirements-rllib.txt"), pins("requirements.txt")
    assert own.pop("gymnasium") == "1.2.2"  # the version that Ray's RLlib pins
    assert own.pop("ray[rllib]") == "2.60.0"
    assert own.items() <= projects.items()
    assert f"pip install torch=={own['torch']}" in (ROOT / "examples/rllib_ppo.py").read_text()
