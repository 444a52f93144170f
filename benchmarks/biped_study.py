"""Methods and conditions of the study of the biped: what history, estimator and privileged critic bring."""

from collections.abc import Mapping
from dataclasses import asdict

from benchmarks.study_trainings import Method, RunOf, Share
from envs.biped.variation import PARAMETERS, TRAINING_VARIATION, VariationConfig
from envs.locomotion.randomisation import scaled
from evaluation.study.conditions import Condition
from training.tasks.biped import PRESETS
from utils.plain_yaml import dump_yaml

STUDIED, BASELINE, WALK = "Biped-v0", "mild", "walk"
MILD_SHARE = 0.3  # of TRAINING_VARIATION, for trainings from scratch
_NO_ENCODER, _NO_ESTIMATOR = ("--asymmetric-ppo.encoder", "none"), ("--asymmetric-ppo.no-estimate",)


def _frames(count):
    return "--env-kwargs", dump_yaml({"frames": count}, flow=True).strip()


def part_of(variation: VariationConfig, share: float) -> dict:
    """Returns the fields of `variation` that are not nominal, scaled as a curriculum of the randomisation scales them."""
    usual, part = asdict(VariationConfig()), {}
    for name, value in asdict(variation).items():
        if name in PARAMETERS and value != usual[name]:
            part[name] = tuple(round(end, 6) for end in scaled(value, PARAMETERS[name].range.nominal, share))
        elif value != usual[name]:
            part[name] = value if name in ("push_duration", "push_interval") else round(share * value, 6)
    return part


def _options(part):
    """Returns the options of train.py that set fields of the variation."""
    values = {name: map(str, value if isinstance(value, tuple) else (value,)) for name, value in part.items()}
    return tuple(word for name, value in values.items() for word in (f"--env.variation.{name.replace('_', '-')}", *value))


_MILD = part_of(TRAINING_VARIATION, MILD_SHARE)
_ON_MILD = ("--preset", "default", *_options(_MILD))
METHODS = (
    Method("nominal", "nominal robots", ("--preset", "default")),
    Method(
        "varied",
        "nominal robots, then all of the randomisation",
        ("--preset", "varied", "--start-from", RunOf("nominal"), "--variation-rise", Share(0.4)),
        length=0.75,
    ),
    *(
        Method(name, title, (*_ON_MILD, *options), length=0.5)
        for name, title, options in (
            (BASELINE, "66 frames, estimator, privileged critic", ()),
            ("same_critic", "critic reads what the actor reads", ("--asymmetric-ppo.critic-reads", "newest")),
            ("no_estimator", "no estimator", _NO_ESTIMATOR),
            ("frames_5", "5 frames", (*_frames(5), *_NO_ENCODER)),
            ("frames_1", "1 frame", (*_frames(1), *_NO_ENCODER)),
            ("true_velocity", "true velocity in the observation", (*_NO_ESTIMATOR, "--env.observe-linvel")),
        )
    ),
)
_OF_TRAINING = ("variation", "weights", "start_spread", "max_tilt", "longest_pause")
_COMMANDS = {name: PRESETS["default"]["env"][name] for name in ("command_vx", "command_vy", "command_yaw_rate")}
_STILL = {"command_segments": {"duration": (0.0, 0.0), "stand_share": 0.0}}
_STAND = dict.fromkeys(_COMMANDS, (0.0, 0.0))
_ALL = asdict(TRAINING_VARIATION)
# Parts of the randomisation of the training that are judged alone.
_PARTS = {
    "bodies": ("friction", "mass", "link_mass", "mass_offset_x", "mass_offset_y", "mass_offset_z"),
    "servos": (
        *("servo_gain", "servo_damping", "servo_strength", "armature", "joint_friction", "joint_damping", "motor_offset"),
    ),
    "lags": ("action_lag", "joint_lag"),
    "noise": ("noise",),
    "pushes": ("push_speed", "push_turn", "push_duration", "push_interval"),
}
# Single commands, m/s and rad/s, at the ends of the trained ranges.
_SINGLE = {
    "forward": {"command_vx": (0.8, 0.8)},
    "backward": {"command_vx": (-0.4, -0.4)},
    "left": {"command_vy": (0.2, 0.2)},
    "turn": {"command_yaw_rate": (0.4, 0.4)},
}


def nominal(arguments: Mapping) -> dict:
    """Returns the recorded arguments of an environment for a nominal robot with the default rewards, starts and ends."""
    config = {name: value for name, value in arguments["config"].items() if name not in _OF_TRAINING}
    return {**arguments, "config": config, "perturb_spec": None}


def _conditions() -> list[Condition]:
    """Returns all conditions; each episode has one command. "in" are those with the randomisation of the training."""
    walk, stand = _COMMANDS | _STILL, _STAND | _STILL
    found = [Condition(WALK, WALK, "", walk), Condition("stand", "stand", "", stand)]
    found += [Condition(name, name, "", _STAND | command | _STILL) for name, command in _SINGLE.items()]
    varied = {"varied_walk": walk | {"variation": _ALL}, "varied_stand": stand | {"variation": _ALL}}
    centred = {name: value for name, value in _ALL.items() if not name.startswith("mass_offset")}
    varied |= {"no_offsets": walk | {"variation": centred}, "mild_walk": walk | {"variation": _MILD}}
    found += [Condition(name, name, "in", arguments) for name, arguments in varied.items()]
    for name, fields in _PARTS.items():
        found.append(Condition(name, name, "in", walk | {"variation": {field: _ALL[field] for field in fields}}))
    return found


CONDITIONS = _conditions()
