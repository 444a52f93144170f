"""Programs film environments of other packages, or print one sentence why they cannot."""

from typing import ClassVar

import gymnasium as gym
import numpy as np
import pytest

import play_residual_policy
from algorithms.vec_env import make_vector
from tests.helpers.foreign_package import unregistered_afterwards
from tests.run_folder.test_export_any import untrained
from tests.utils.test_video import frames_of
from utils.vector_infos import control_dt

STEPS = 9
PICTURE = np.full((48, 64, 3), 90, np.uint8)


class Pictured(gym.Env):
    """Renders `pictures` for nine steps; an exception is raised instead of returned."""

    metadata: ClassVar[dict] = {"render_modes": ["rgb_array"]}
    observation_space, action_space = gym.spaces.Box(-1, 1, (2,), np.float32), gym.spaces.Discrete(2)

    def __init__(self, picture=None, fps=None, render_mode=None):
        self.metadata = self.metadata | ({} if fps is None else {"render_fps": fps})
        self.picture, self.render_mode = picture, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._age = 0
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self._age += 1
        return np.zeros(2, np.float32), 1.0, self._age == STEPS, False, {}

    def render(self):
        if isinstance(PICTURES[self.picture], Exception):
            raise PICTURES[self.picture]
        return PICTURES[self.picture]


class Blind(Pictured):
    """Accepts no render_mode."""

    def __init__(self):
        super().__init__()


PICTURES = {
    None: PICTURE,
    "none": None,
    "text": "a field",
    "real": PICTURE / 255.0,
    "grey": PICTURE[..., 0],
    "refusing": NotImplementedError(),
    "broken": AttributeError("no screen"),
}
REFUSED = {
    "none": "got NoneType: leave out --video",
    "text": "got str",
    "real": "got (48, 64, 3) float64",
    "grey": "got (48, 64) uint8",
    "refusing": "NotImplementedError; leave out --video",
    "broken": "no screen; leave out --video",
}


@pytest.fixture(autouse=True)
def ids():
    with unregistered_afterwards():
        gym.register("Pictured-v0", entry_point=Pictured, disable_env_checker=True)
        gym.register("Blind-v0", entry_point=Blind, disable_env_checker=True)
        yield


@pytest.mark.parametrize(("fps", "frames"), [(None, STEPS), (0, STEPS), (25, STEPS), (50, 5)])
def test_a_video_has_a_frame_for_each_step_where_the_step_has_no_known_length(fps, frames, tmp_path):
    untrained("Pictured-v0", "ppo", tmp_path / "run", fps=fps)
    assert play_residual_policy.main(f"--model {tmp_path / 'run'} --episodes 1 --video {tmp_path / 'x.mp4'}".split()) == 0
    assert len(frames_of(tmp_path / "x.mp4")) == frames


@pytest.mark.parametrize("picture", REFUSED)
def test_what_is_no_picture_is_one_sentence_and_no_video(picture, tmp_path, capsys):
    untrained("Pictured-v0", "ppo", tmp_path / "run", picture=picture)
    assert play_residual_policy.main(f"--model {tmp_path / 'run'} --episodes 1 --video {tmp_path / 'x.mp4'}".split()) == 2
    error = capsys.readouterr().err
    assert REFUSED[picture] in error and error.count("\n") == 1 and not (tmp_path / "x.mp4").exists()


def test_an_environment_that_takes_no_render_mode_is_played_without(tmp_path, capsys):
    untrained("Blind-v0", "ppo", tmp_path / "run")
    assert play_residual_policy.main(f"--model {tmp_path / 'run'} --episodes 1 --video {tmp_path / 'x.mp4'}".split()) == 2
    error = capsys.readouterr().err
    assert "Blind-v0 cannot be shown" in error and "--no-render" in error and error.count("\n") == 1
    assert play_residual_policy.main(f"--model {tmp_path / 'run'} --episodes 1 --no-render".split()) == 0


def test_the_clock_of_an_environment_is_known_only_from_what_it_says():
    assert control_dt(make_vector("Pictured-v0", 1)) is None and control_dt(make_vector("Pictured-v0", 1, fps=20)) == 0.05
    assert control_dt(make_vector("envs:ResidualWalk-v0", 1, control_dt=0.02)) == 0.02
