"""Training of a biped that follows commanded velocities: presets, config, and the curriculum of commands and pushes."""

from dataclasses import asdict, dataclass, field
from typing import Annotated

import tyro

from algorithms.vec_env import BatchVecEnv
from callbacks.command_curriculum_callback import CommandCurriculumCallback
from envs.biped.config import BipedConfig
from envs.biped.variation import TRAINING_VARIATION
from training.task_config import LeggedTrainConfig
from utils.env_ids import registered
from utils.fields import within

STEPS = 1000  # control steps of a training episode
FRAMES = 66  # of the policy's observation, as in the source
# Commands of two cores' trainings. A robot that leans over has fallen, so that its episode need not go on. Without the
# longest pause, trainings of 1 to 2.5 million steps ended at robots that stand, whatever the command is; with the source's
# weight of action_smoothness, trainings of 1.4 million steps ended at robots that fall within seconds. With the source's
# weights of contact_schedule and clearance, 2 and 1, robots of some seeds only rocked from side to side after 2 million
# steps, until the pause ended the episode. With larger ones and the source's weights of the commands, 1.8, 1.1, 0.5 and 0,
# robots stepped in place after 6 million steps. Evaluations measure velocities along the commanded heading.
_WEIGHTS = {
    "action_smoothness": -0.002 / 16,
    "contact_schedule": 4.0,
    "clearance": 3.0,
    "linear_velocity": 3.6,
    "yaw_rate": 2.2,
    "strict_tracking": 2.0,
    "mean_velocity": 2.0,
    "heading": 1.0,
}
_COMMANDS = {
    "command_vx": (-0.4, 0.8),
    "command_vy": (-0.2, 0.2),
    "command_yaw_rate": (-0.4, 0.4),
    "start_spread": 0.05,
    "max_tilt": 0.8,
    "longest_pause": 1.0,
    "weights": _WEIGHTS,
}
_PPO = {
    "num_envs": 128,
    "n_steps": 48,
    "batch_size": 3072,
    "n_epochs": 4,
    "learning_rate": 5e-4,
    "final_learning_rate": 1e-4,
    "target_kl": 0.02,
    "log_std_init": -1.7,
}
# Networks for two cores: fewer channels, larger strides and narrower layers than the source's. With the source's discount of
# 0.994 a training was slower. Learned standard deviations stayed above 0.1 for 6 million steps, and the mean actions of one
# policy then fell in 94 % of episodes, but only in 20 % with the noise of its training.
_SMALL = {
    "encoder": "time",
    "encoder_channels": (16, 16),
    "encoder_kernels": (6, 3),
    "encoder_strides": (6, 2),
    "encoder_arch": (),
    "encoder_size": 32,
    "estimate": True,
    "estimate_from": "mean",
    "estimator_arch": (64, 32),
    "direct_frames": 1,
    "critic_reads": "privileged",
    "net_arch": (128, 64),
    "critic_arch": (256, 128),
    "n_epochs": 3,
    "std_schedule": (0.18, 0.05),
}
_ONE_FRAME = {
    "algo": "asymmetric_ppo",
    "total_timesteps": 20_000_000,
    "eval_every": 2_000_000,
    "episode_steps": STEPS,
    "env": _COMMANDS,
    "ppo": _PPO,  # for the variants of PPO, too
}
_DEFAULT = _ONE_FRAME | {
    "total_timesteps": 12_000_000,
    "env_kwargs": {"frames": FRAMES},
    "privileged_frames": 3,
    "asymmetric_ppo": _SMALL,
}
# From scratch no policy has learned to walk while the randomisation grew. The learning rate ends low: at higher rates the
# share of falls of one training jumped between 6 and 30 % from one checkpoint to the next.
_VARIED = _DEFAULT | {
    "total_timesteps": 9_000_000,
    "env": _COMMANDS | {"variation": asdict(TRAINING_VARIATION)},
    "variation_rise": 3_600_000,
    "asymmetric_ppo": _SMALL | {"std_schedule": (0.12, 0.05), "final_learning_rate": 5e-5},
}
# Networks and numbers of the training configuration of AgiBot's X1 (2024), for a machine with many cores and days of time.
_X1 = {
    "num_envs": 4096,
    "n_steps": 24,
    "batch_size": 24_576,
    "n_epochs": 2,
    "learning_rate": 1e-5,
    "gamma": 0.994,
    "gae_lambda": 0.9,
    "clip_range": 0.2,
    "clip_range_vf": 0.2,
    "ent_coef": 0.001,
    "vf_coef": 1.0,
    "max_grad_norm": 1.0,
    "target_kl": None,
    "desired_kl": 0.01,
    "rate_range": (1e-5, 1e-2),
    "log_std_init": -1.386,  # 0.5 rad
    "symmetric": False,
    "critic_reads": "privileged",
    "net_arch": (512, 256, 128),
    "critic_arch": (768, 256, 128),
    "encoder": "features",
    "encoder_channels": (32, 16),
    "encoder_kernels": (6, 4),
    "encoder_strides": (3, 2),
    "encoder_arch": (128,),
    "encoder_size": 64,
    "recent_frames": 5,
    "estimate": True,
    "estimated": ("body_linvel",),
    "estimator_arch": (256, 128, 64),
}
PRESETS = {
    "default": _DEFAULT,  # a nominal robot on flat ground
    "varied": _VARIED,  # randomised robots, lags, noise and pushes; for --start-from a policy of nominal robots
    "one_frame": _ONE_FRAME,  # without a history
    "x1": {
        "algo": "asymmetric_ppo",
        "total_timesteps": 20_000 * 4096 * 24,
        "eval_every": 100_000_000,
        "checkpoint_every": 10_000_000,
        "env_kwargs": {"frames": FRAMES},
        "env": {"start_spread": 0.1, "variation": asdict(TRAINING_VARIATION)},
        "privileged_frames": 3,
        "asymmetric_ppo": _X1,
    },
}


@dataclass(frozen=True)
class BipedTrainConfig(LeggedTrainConfig):
    """Config of a training of Biped-v0; env_kwargs may also contain `frames`, control steps of the observation."""

    more_env_kwargs = ("frames",)

    env_id: Annotated[str, tyro.conf.arg(aliases=["--env"])] = "Biped-v0"
    """Id of the environment to train."""
    env: BipedConfig = field(default_factory=BipedConfig)
    """Config of the task."""
    start_scale: float = within(1.0, high=1.0, above=0.0)
    """Scale of commands and pushes at the start of the training; 1 turns the curriculum off."""
    rise: float = within(0.8, 0.0, 1.0)
    """Share of the reward for tracking the velocity from which the scale grows by 0.1, up to 1."""
    privileged_frames: int = within(1, 1)
    """Control steps of each row of the critic's privileged observation."""

    @property
    def idle(self) -> dict[str, str]:
        idle = {} if self.start_scale < 1.0 else {"rise": "--start-scale 1 is the largest scale already"}
        idle |= {} if self.learner.privileged else {"privileged_frames": "the learner reads no privileged observation"}
        return super().idle | idle

    @property
    def _privileged(self):
        more = {"privileged_frames": self.privileged_frames} if self.privileged_frames > 1 else {}
        return super()._privileged | (more if self.learner.privileged else {})

    def check_new(self) -> None:
        """Checks as the base class does, and that there is a reward for the curriculum to read."""
        super().check_new()
        if self.start_scale < 1.0 and self.env.weights.linear_velocity <= 0.0:
            raise ValueError(
                "start_scale must be 1 without a positive weight of linear_velocity, which the curriculum reads"
            )

    def make_env(self) -> BatchVecEnv:
        """Returns the simulations to train on; the commands of their first episodes have start_scale."""
        env = super().make_env()
        env.env_method("set_command_scale", self.start_scale)
        env.env_method("set_push_scale", self.start_scale)
        return env


def curriculum(config: BipedTrainConfig) -> CommandCurriculumCallback | None:
    """Returns the callback that raises the scale of commands and pushes from start_scale to 1; None if that is 1."""
    if config.start_scale == 1.0:
        return None
    most = config.env.weights.linear_velocity * config.env.control_dt
    limit = registered(config.env_id).max_episode_steps
    return CommandCurriculumCallback(
        "linear_velocity", most, config.episode_steps or limit, config.start_scale, rise=config.rise
    )
