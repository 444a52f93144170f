"""Methods and conditions of the study of robust and smooth walking: RealAnt-v0, PPO, its rivals, and tests of claims."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from benchmarks.study_trainings import Method, RunOf, Share
from envs.realant.scene import JOINTS
from evaluation.study.conditions import Condition
from training.tasks.realant import PRESETS
from utils.plain_yaml import dump_yaml

ENV_ID, BASELINE = "RealAnt-v0", "ppo"
CLEAN = "clean"
# Servo AX-12A (Robotis, e-manual): 1024 counts over 300 degrees. The noise of one angle has a standard deviation of one
# count; a velocity is the difference of two angles over a control step of 0.05 s.
COUNT = np.deg2rad(300.0 / 1024)  # rad
SERVO_NOISE = {"joint_pos": COUNT, "joint_vel": np.sqrt(2.0) * COUNT / 0.05}  # rad, rad/s
NOISE_SCALES, TRAINED_NOISE = (1, 2, 4), 2
LATENCIES = (1, 2, 3)  # control steps
TRAINED = PRESETS["dr"]["env"]["variation"]


def noise(scale: float) -> dict:
    """Returns the noise_spec of servos whose noise is `scale` times that of the data sheet."""
    stds = {name: round(float(scale * std), 6) for name, std in SERVO_NOISE.items()}
    return {"gaussian": {"enable": True, "observations": stds}}


def nominal(arguments: Mapping) -> dict:
    """Returns the recorded arguments of an environment without noise, perturbations, randomisation and legacy reward."""
    config = {name: value for name, value in arguments["config"].items() if name not in ("variation", "legacy_reward")}
    return {**arguments, "config": config, "noise_spec": None, "perturb_spec": None}


def _env_kwargs(**arguments):
    return "--env-kwargs", dump_yaml(arguments, flow=True).strip()


_JOINTS_ONLY = ("--smooth-ppo.rows", "joint_pos", "joint_vel")
_SCHEDULE = ("--smooth-ppo.warm-up-steps", Share(0.1), "--smooth-ppo.rise-steps", Share(0.4))
_SR2L_AT_ONCE = ("--algo", "smooth_ppo", "--smooth-ppo.pairs", "ball_max")
_SR2L = (*_SR2L_AT_ONCE, *_SCHEDULE)
_CAPS = ("--algo", "smooth_ppo", "--smooth-ppo.distance", "l2", *_SCHEDULE)
_DR = ("--preset", "dr", "--variation-warm-up", Share(0.2), "--variation-rise", Share(0.3))
METHODS = (
    Method(BASELINE, "PPO", ("--algo", "ppo")),
    Method("noise", "PPO + observation noise", ("--algo", "ppo", *_env_kwargs(noise_spec=noise(TRAINED_NOISE)))),
    Method("sr2l_joints", "SR2L, joints", (*_SR2L, *_JOINTS_ONLY)),
    Method("sr2l_all", "SR2L, all rows", _SR2L),
    # Weights of the code of ASAP (2026) for CAPS. A uniform ball of 0.35 has the standard deviation of 0.2 of its noise.
    Method("caps_next", "CAPS, next state", (*_CAPS, "--smooth-ppo.pairs", "next", "--smooth-ppo.coef", "0.1")),
    Method(
        "caps_ball",
        "CAPS, near state",
        (*_CAPS, "--smooth-ppo.pairs", "ball_random", "--smooth-ppo.coef", "0.5", "--smooth-ppo.radius", "0.35"),
    ),
    Method("lcp", "LCP", ("--algo", "smooth_ppo", "--smooth-ppo.pairs", "lcp", "--smooth-ppo.coef", "0.002", *_SCHEDULE)),
    Method("dr", "DR", (*_DR, "--algo", "ppo")),
    Method("sr2l_dr", "SR2L, joints + DR", (*_DR, *_SR2L, *_JOINTS_ONLY)),
    Method("dr_history", "DR + History", (*_DR, "--algo", "ppo", *_env_kwargs(frames=4))),
)


def _net(learner, sizes, activation):
    return f"--{learner}.net-arch", *map(str, sizes), f"--{learner}.activation", activation


_FROM_BASELINE = ("--start-from", RunOf(BASELINE))
_FAILING = "--env.variation.joint-failures.kinds"
_SMALL, _LARGE = partial(_net, sizes=(64, 128), activation="relu"), partial(_net, sizes=(256, 256), activation="tanh")
# Further trainings, each of which decides a claim of an earlier analysis of this task; docs/robust_walking.md.
CLAIMS = (
    Method("ppo_again", "PPO, again", ("--algo", "ppo")),  # on the machine of the trainings below
    Method("ppo_small", "PPO, 64-128 relu", ("--algo", "ppo", *_SMALL("ppo"))),
    Method("ppo_large", "PPO, 256-256 tanh", ("--algo", "ppo", *_LARGE("ppo"))),
    Method("sr2l_small", "SR2L, joints, 64-128 relu", (*_SR2L, *_JOINTS_ONLY, *_SMALL("smooth-ppo"))),
    Method("sr2l_large", "SR2L, joints, 256-256 tanh", (*_SR2L, *_JOINTS_ONLY, *_LARGE("smooth-ppo"))),
    Method("sr2l_at_once", "SR2L, joints, no warm-up", (*_SR2L_AT_ONCE, *_JOINTS_ONLY)),
    Method("slow_rate", "PPO, learning rate 1e-4", ("--algo", "ppo", "--ppo.learning-rate", "1e-4")),
    Method("long_rollouts", "PPO, rollouts of twice the length", ("--algo", "ppo", "--ppo.n-steps", "128")),
    Method("legacy_reward", "PPO, reward of the analysis", ("--algo", "ppo", "--env.legacy-reward")),
    Method("ppo_longer", "PPO, from PPO", ("--algo", "ppo", *_FROM_BASELINE)),
    Method("sr2l_pretrained", "SR2L, joints, from PPO", (*_SR2L, *_JOINTS_ONLY, *_FROM_BASELINE)),
    Method("dr_pretrained", "DR, from PPO", (*_DR, "--algo", "ppo", *_FROM_BASELINE)),
    Method("dr_locked", "DR, joints only lock", (*_DR, "--algo", "ppo", _FAILING, "lock")),
    Method("dr_passive", "DR, joints only lose torque", (*_DR, "--algo", "ppo", _FAILING, "passive")),
)


def conditions() -> list[Condition]:
    """Returns all conditions. They are "in" up to the ends of the ranges of the preset `dr`, and of the noise method."""
    return [Condition(CLEAN, CLEAN), *_noisy(), *_failing(), *_late(), *_pushed(), *_changed("friction"), *_changed("mass")]


def _noisy() -> Iterator[Condition]:
    for scale in NOISE_SCALES:
        name = f"noise_x{scale}"
        yield Condition(name, name, _reach(scale <= TRAINED_NOISE), {"noise_spec": noise(scale)})


def _failing() -> Iterator[Condition]:
    for kind in ("locked", "passive", "weak"):
        for index, joint in enumerate(JOINTS):
            yield Condition(f"{kind}_{joint}", f"{kind}_joint", "in", _perturbed(f"{kind}_joint", index))


def _late() -> Iterator[Condition]:
    for steps in LATENCIES:
        yield Condition(f"latency_{steps}", f"latency_{steps}", _reach(steps <= 1), _perturbed("latency", steps))


def _pushed() -> Iterator[Condition]:
    for reach, factor in (("in", 1.0), ("out", 2.0)):
        speed = factor * TRAINED["push_speed"]
        yield Condition(f"pushes_{speed:g}", f"pushes_{reach}", reach, {"variation": {"push_speed": speed}})


def _changed(name) -> Iterator[Condition]:
    """Yields both ends of the trained range of a factor, and points twice as far from the nominal factor 1."""
    for reach, factor in (("in", 1.0), ("out", 2.0)):
        for end in TRAINED[name]:
            value = round(1.0 + factor * (end - 1.0), 6)
            yield Condition(f"{name}_{value:g}", f"{name}_{reach}", reach, _perturbed(name, value))


def _perturbed(name, value):
    return {"perturb_spec": {"params": {name: value}}}


def _reach(inside):
    return "in" if inside else "out"
