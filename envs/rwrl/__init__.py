"""The four domains of the Real-World RL suite, one file each; `domain.py` defines the base class."""

import warnings

from gymnasium.error import DependencyNotInstalled

with warnings.catch_warnings():
    # Without a display, dm_control tries GLFW and warns that it is missing. This project renders with its own contexts.
    warnings.simplefilter("ignore")
    try:
        import dm_control.mujoco  # noqa: F401
    except ModuleNotFoundError as error:
        raise DependencyNotInstalled(
            f"the RWRL environments need dm-control ({error}): pip install --no-deps 'dm-control>=1.0.50,<2'"
        ) from error
