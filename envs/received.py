"""What a policy receives from an environment: observations with sensor noise, and a history of them."""

from collections.abc import Mapping

from envs import challenges
from envs.wrappers import History
from envs.wrappers.history import frame_count

ARGUMENTS = ("noise_spec", "frames")  # arguments of entry points that use `received`


def received(env, noise_spec: Mapping | None = None, frames: int = 1):
    """Returns a single or vector environment with noise and a history around it; the same `env` without both.

    Args:
        env: the environment.
        noise_spec: noise of actions and observations, as in `envs.challenges.apply`. Standard deviations are in the units of
            the observation's rows: `{"gaussian": {"enable": True, "observations": {"joint_pos": 0.005}}}`.
        frames: number of control steps of the observation, oldest first. The frames contain the noise; after a reset all of
            them are the first observation.

    Raises:
        ValueError: the spec has an unknown key or row, or a value is wrong.
    """
    return with_history(challenges.apply(env, noise_spec=noise_spec), frames)


def with_history(env, frames: int = 1):
    """Returns an environment with the last `frames` observations, as in `received`; the same `env` for one frame.

    Raises:
        ValueError: `frames` is wrong, or the observation is not one vector.
    """
    return History(env, frames) if frame_count("frames", frames) > 1 else env
