"""The four domains of the Real-World RL suite, one file each; `domain.py` says what a domain is."""

import warnings

with warnings.catch_warnings():
    # Without a display dm_control tries GLFW and warns that it cannot be had; pictures are made elsewhere here.
    warnings.simplefilter("ignore")
    import dm_control.mujoco  # noqa: F401
