"""The tasks of the Real-World RL suite with their challenges, single and vector: entry points of the registered ids."""

from collections.abc import Mapping
from functools import partial

from envs import challenges
from envs.received import with_history
from envs.rwrl.env import RWRLEnv
from envs.rwrl.vector_env import RWRLVectorEnv
from envs.single_envs import SinglesVector
from envs.wrappers.flat_observation import FlatObservation
from envs.wrappers.float32_observation import Float32Observation
from envs.wrappers.history import frame_count
from utils.fields import fitting, is_name, shown, whole_number
from utils.perturbation import merged
from utils.rendering.pictures import picture_options

SPECS = (*(spec.where for spec in challenges.SPECS), "combined_challenge")


def rwrl(
    domain: str,
    task: str,
    *,
    observation: str = "flat",
    frames: int = 1,
    exact: bool = False,
    render_mode: str | None = None,
    task_kwargs: Mapping | None = None,
    **specs,
):
    """Returns a task of the suite with its challenges.

    Args:
        observation: "flat" for one float32 vector, "dict" for named float32 blocks. In exact mode the blocks are float64,
            as in dm_control.
        frames: number of control steps of a flat observation, oldest first, as the challenges let the agent receive them;
            after a reset all of them are the first observation.
        **specs: `safety_spec`, `delay_spec`, `noise_spec`, `perturb_spec`, `dimensionality_spec`, `multiobj_spec` and
            `combined_challenge`, as in `envs.challenges.apply`; also width, height, camera_name and camera_id of pictures,
            as in `RWRLEnv`, which describes the other arguments too.
        task_kwargs: a mapping that may contain the same specs.

    Raises:
        ValueError: the value of an argument is not allowed, or a spec has an unknown key or a wrong value.
    """
    pictures, specs = picture_options(specs), merged(specs, task_kwargs, SPECS)
    env = RWRLEnv(domain, task, exact, render_mode, **pictures)
    return _challenged(env, observation, frames, exact, specs)


rwrl.metadata = RWRLEnv.metadata  # `gymnasium.make` reads the render modes here


def rwrl_vector(
    num_envs,
    domain,
    task,
    *,
    max_episode_steps=1000,
    observation="flat",
    frames=1,
    exact=False,
    render_mode=None,
    autoreset_mode="same_step",
    task_kwargs=None,
    **specs,
):
    """Returns `num_envs` simulations of a task with its challenges, each like the single environment of its seed.

    Arguments are those of `rwrl`. `max_episode_steps` of None or -1 means no limit. `autoreset_mode` is Gymnasium's mode
    or its name: "same_step", "next_step" or "disabled".
    """
    whole_number("num_envs", num_envs, 1), fitting(exact, bool, "exact")
    pictures, specs = picture_options(specs), merged(specs, task_kwargs, SPECS)
    if exact:  # the original draws call by call, so each simulation needs separate wrappers
        make = partial(rwrl, domain, task, observation=observation, frames=frames, exact=True, **specs)
        return SinglesVector(make, num_envs, max_episode_steps, render_mode, autoreset_mode, **pictures)
    env = RWRLVectorEnv(num_envs, domain, task, max_episode_steps, render_mode, autoreset_mode, **pictures)
    return _challenged(env, observation, frames, False, specs)


def _challenged(env, observation, frames, exact, specs):
    if not is_name(observation, ("flat", "dict")):
        raise ValueError(f"observation must be 'flat' or 'dict', got {shown(observation)}")
    env = challenges.apply(env, exact=exact, **specs)
    if observation == "flat":
        return with_history(FlatObservation(env), frames)
    if frame_count("frames", frames) > 1:
        raise ValueError("frames needs observation='flat'")
    return env if exact else Float32Observation(env)
