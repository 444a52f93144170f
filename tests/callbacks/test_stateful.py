"""Every callback whose state a checkpoint saves follows the protocol of `run_folder.stateful`."""

import json

import pytest

import train
from run_folder.stateful import Stateful
from training.assembly import make_callbacks

CLOCKS = ("wall_time_s", "cpu_time_s")
TRAININGS = {
    "walk": ["--curriculum", "success"],
    "walk_with_time": ["--curriculum", "time", "--variation-rise", "9"],
    "randomised": ["--env", "RealAnt-v0", "--preset", "dr"],
    "cube": ["--env", "CubeInHand-v0"],
    "perturbed": ["--env", "Toy-v0", "--perturb", "default"],
}


@pytest.fixture(params=TRAININGS)
def make(request, tmp_path):
    """Returns a function that makes the callbacks of a training which a checkpoint saves, by name."""
    config = train.parse(TRAININGS[request.param])
    return lambda: make_callbacks(config, tmp_path)["checkpoint"].callbacks


def increased(state):
    """Returns plain data with 1 added to every number."""
    if isinstance(state, dict):
        return {name: increased(value) for name, value in state.items()}
    return [increased(value) for value in state] if isinstance(state, list) else state + 1


def test_a_new_callback_continues_from_the_state_of_another(make):
    saved, restored = make(), make()
    assert saved.keys() >= {"checkpoint", "progress", "episodes", "evaluation"}
    for name, callback in saved.items():
        assert isinstance(callback, Stateful)
        state = json.loads(json.dumps(increased(callback.state)))
        restored[name].restore(state)
        assert restored[name].state.keys() == state.keys()
        assert restored[name].state | dict.fromkeys(CLOCKS, 0) == state | dict.fromkeys(CLOCKS, 0)
