"""Scenes for robots that are commanded to turn, or to walk sideways or backward: they start in the middle of a tile."""

from dataclasses import fields, replace

import numpy as np

from envs.locomotion.commands import CommandSegments
from envs.locomotion.config import WalkerConfig
from envs.locomotion.terrain import TerrainConfig

LONGEST_WAY = 10.0  # m from the start to the edge of the tile, at most
REAR = {name: getattr(TerrainConfig, name) for name in ("start_length", "start_distance")}  # starts of robots that go ahead


def steers(config: WalkerConfig) -> bool:
    """Returns whether some commands of a task's config turn the robot, or let it walk sideways or backward, or stand."""
    ranges = (getattr(config, name, (0.0, 0.0)) for name in ("command_vy", "command_yaw_rate"))
    return config.command_vx[0] <= 0.0 or any(span != (0.0, 0.0) for span in ranges)


def with_commands(config: WalkerConfig, vx: float, vy: float = 0.0, yaw_rate: float = 0.0) -> WalkerConfig:
    """Returns a task's config with one command (m/s, m/s, rad/s) for all episodes.

    Raises:
        ValueError: the task has no command of that kind, or it lies outside its limits.
    """
    known = {field.name for field in fields(config)}
    values = {"command_vx": vx, "command_vy": vy, "command_yaw_rate": yaw_rate}
    for name, value in values.items():
        if value and name not in known:
            raise ValueError(f"{type(config).__name__} has no {name}: it must be 0, got {value}")
    return constant(replace(config, **{name: (value, value) for name, value in values.items() if name in known}))


def outside(config: WalkerConfig, vx: float, vy: float = 0.0, yaw_rate: float = 0.0) -> list[str]:
    """Returns a sentence for each component of a command (m/s, m/s, rad/s) outside the ranges of a task's config.

    A component of 0 is never outside.
    """
    values = {"command_vx": (vx, "m/s"), "command_vy": (vy, "m/s"), "command_yaw_rate": (yaw_rate, "rad/s")}
    found = []
    for name, (value, unit) in values.items():
        low, high = getattr(config, name, (0.0, 0.0))
        if not min(low, 0.0) <= value <= max(high, 0.0):
            found.append(f"{name} is {value:g} {unit}, outside the range of the training, {low:g} to {high:g}")
    return found


def constant(config: WalkerConfig) -> WalkerConfig:
    """Returns a task's config whose commands stay the same within an episode."""
    return replace(config, command_segments=CommandSegments()) if hasattr(config, "command_segments") else config


def on_wide_tiles(config: WalkerConfig, seconds: float) -> WalkerConfig:
    """Returns a task's config with square tiles on which robots start in the middle and walk for `seconds` to any side.

    The edge of the tile is at most LONGEST_WAY from the start.
    """
    terrain, speed = config.terrain, np.abs([config.command_vx, config.command_vy]).max(axis=1).sum()
    side = 2 * (min(seconds * speed, LONGEST_WAY) + terrain.size)
    middle = (side / terrain.size - REAR["start_length"]) / 2
    tile = {"length": side, "width": side, "start_length": REAR["start_length"], "start_distance": middle}
    return replace(config, terrain=replace(terrain, **tile))
