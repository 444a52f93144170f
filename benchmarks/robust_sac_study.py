"""Methods and conditions of the study of robust SAC: two tasks of the Real-World RL suite, and the toy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import gamma as gamma_function

import numpy as np

from benchmarks.study_trainings import Method
from evaluation.study.conditions import Condition
from utils.plain_yaml import dump_yaml

BASELINE, CLEAN = "sac", "clean"
RIVALS = ("discount", "discount_98")  # smaller discounts, the simplest rivals of the regularisers
VALUES, FRAMES = 20, 4
DISCOUNT = 0.99
# About the effective discount of l2_param: 0.978 to 0.982 in a training on cartpole with a seed outside the study.
LOW_DISCOUNT = 0.98
# Added after the results of the default radius, 0.01, which costs more than a smaller discount.
SMALL_RADIUS = 0.001
NOISE = 0.05  # standard deviation of the observation noise, in the units of the observations


@dataclass(frozen=True)
class Task:
    """A task of the study.

    Attributes:
        env_id: id of the environment.
        size: number of components of an observation.
        coefs: coefficients of legacy regularisers and of penalties where the original scripts do not use COEF.
        ranges: parameter -> nominal value, lowest and highest value of the sweep.
        without: names of the methods whose arguments the environment does not have.
        costs: whether the rewards are costs, so that values are below 0.
    """

    env_id: str
    size: int
    coefs: Mapping[str, float]
    ranges: Mapping[str, tuple[float, float, float]]
    without: tuple[str, ...] = ()
    costs: bool = False


# Coefficients and ranges of the scripts of the code that accompanies the paper on uncertainty sets of transitions (USR).
# They use neither linf_param nor the adversarial methods other than l2: these have COEF here.
COEF = 1e-4
TASKS = {
    "cartpole": Task(
        "RWRLCartpoleSwingup-v0",
        5,
        {"l1_reg": 1e-5},
        {
            "pole_length": (1.0, 0.3, 3.0),
            "pole_mass": (0.1, 0.1, 10.0),
            "joint_damping": (2e-6, 2e-6, 0.2),
            "slider_damping": (5e-4, 5e-4, 3.0),
        },
    ),
    "walker": Task(
        "RWRLWalkerWalk-v0",
        24,
        {},
        {
            "thigh_length": (0.225, 0.1, 0.7),
            "torso_length": (0.3, 0.1, 0.7),
            "joint_damping": (0.1, 0.1, 10.0),
            "contact_friction": (0.7, 0.01, 2.0),
        },
    ),
    "toy": Task(
        "Toy-v0",
        2,
        {},
        {"inertia_x": (1.0, 0.5, 1.5), "inertia_y": (1.0, 0.5, 1.5)},
        without=("noise", "dr_history"),
        costs=True,
    ),
}
SETS, ADVERSARIAL = ("l2_param", "l1_param", "linf_param"), ("l2_adv_param", "l1_adv_param", "linf_adv_param")
PENALTIES = ("l2_reg", "l1_reg")


def methods(task: Task) -> tuple[Method, ...]:
    """Returns the methods: SAC, eight regularisers, variants of four of them, and SAC's rivals."""
    found = (
        _method(BASELINE, "SAC", "no"),
        *(_method(name, name, name) for name in (*SETS, *ADVERSARIAL)),
        _method("small_l2_param", f"l2_param, radius {SMALL_RADIUS:g}", "l2_param", *_SMALL),
        *(_method(name, name, name, *_coef(task, name)) for name in PENALTIES),
        *(_method(f"legacy_{name}", f"{name}, legacy", name, *_LEGACY, *_coef(task, name)) for name in ADVERSARIAL),
        _method("discount", "SAC, smaller discount", "no", "--robust-sac.gamma", f"{legacy_discount(task):.6g}"),
        _method("discount_98", "SAC, discount 0.98", "no", "--robust-sac.gamma", f"{LOW_DISCOUNT:g}"),
        _method("noise", "SAC + observation noise", "no", *_env_kwargs(noise_spec=_gaussian(NOISE))),
        _method("dr", "SAC + DR", "no", *_env_kwargs(perturb_spec=_random(task))),
        _method("dr_history", "SAC + DR + History", "no", *_env_kwargs(perturb_spec=_random(task), frames=FRAMES)),
    )
    return tuple(method for method in found if method.name not in task.without)


def conditions(task: Task) -> list[Condition]:
    """Returns all conditions: the nominal task, and VALUES of each parameter. They are "in" up to the ends of DR's range."""
    return [Condition(CLEAN, CLEAN), *_swept(task)]


def sweep(task: Task, name: str) -> np.ndarray:
    """Returns the values of a parameter's sweep, with both ends."""
    return np.linspace(*task.ranges[name][1:], VALUES)


def randomised(task: Task, name: str) -> tuple[float, float]:
    """Returns the range that domain randomisation draws a parameter from: half of the sweep's way to both ends."""
    nominal, low, high = task.ranges[name]
    return nominal + (low - nominal) / 2, nominal + (high - nominal) / 2


def legacy_discount(task: Task) -> float:
    """Returns the discount that legacy l2_param implies for a constant value V.

    Its target is V - coef (V + |V| c), where c = E |z| of a standard normal vector z of `size` components: the original
    regulariser of a constant value is |V| c. Legacy l2_adv_param implies about the same for a nearly constant value.
    """
    mean_norm = np.sqrt(2) * gamma_function((task.size + 1) / 2) / gamma_function(task.size / 2)
    return DISCOUNT * (1.0 - COEF * (1.0 - mean_norm if task.costs else 1.0 + mean_norm))


def nominal(arguments: Mapping) -> dict:
    """Returns the recorded arguments of an environment that replace noise and perturbations by none."""
    return {**arguments, **{name: None for name in ("noise_spec", "perturb_spec") if name in arguments}}


_SMALL = ("--robust-sac.robust-coef", f"{SMALL_RADIUS:g}")
_LEGACY = ("--robust-sac.estimator", "legacy")


def _method(name, title, regulariser, *options):
    return Method(name, title, ("--preset", "usr_fast", "--robust-sac.robust-method", regulariser, *options))


def _coef(task, name):
    return "--robust-sac.robust-coef", f"{task.coefs.get(name, COEF):g}"


def _env_kwargs(**arguments):
    return "--env-kwargs", dump_yaml(arguments, flow=True).strip()


def _gaussian(std):
    return {"gaussian": {"enable": True, "observations": std}}


def _random(task):
    ends = {name: randomised(task, name) for name in task.ranges}
    return {"mode": "range", "params": {name: [float(f"{end:.6g}") for end in pair] for name, pair in ends.items()}}


def _swept(task) -> Iterator[Condition]:
    for name in task.ranges:
        low, high = randomised(task, name)
        for value in map(float, sweep(task, name)):
            reach = "in" if low <= value <= high else "out"
            yield Condition(f"{name}={value:.6g}", name, reach, {"perturb_spec": {"params": {name: value}}})
