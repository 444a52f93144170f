"""What a policy receives from an environment: observations with sensor noise, and a history of them."""

from collections.abc import Mapping

from envs import challenges
from envs.wrappers import History
from utils.fields import whole_number

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
    count = whole_number("frames", frames, 1)
    env = challenges.apply(env, noise_spec=noise_spec)
    return History(env, count) if count > 1 else env
