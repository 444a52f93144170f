"""Presets that several tasks share."""

# Hyperparameters of the original project plan.
PLAN = {
    "num_envs": 4,
    "n_steps": 2048,
    "batch_size": 64,
    "n_epochs": 10,
    "ent_coef": 0.01,
    "target_kl": None,
    "net_arch": (256, 256, 128),
    "activation": "relu",
    "log_std_init": 0.0,
}
# An update after every step and a small network learn fastest on one core. PPO needs many times more steps.
FREQUENT_SAC = {
    "algo": "sac",
    "total_timesteps": 100_000,
    "eval_every": 20_000,
    "checkpoint_every": 50_000,
    "sac": {
        "num_envs": 4,
        "gradient_steps": 4,
        "learning_starts": 2000,
        "learning_rate": 1e-3,
        "ent_coef": "auto_0.1",
        "net_arch": (128, 128),
        "activation": "relu",
    },
}
# SAC of the code that accompanies the paper on uncertainty sets of transitions (USR): one update of large networks after
# every step, which is slow on CPUs. Only the algorithm is changed: other values are the defaults of the options, not those
# of the task's preset `default`.
USR = {
    "algo": "robust_sac",
    "total_timesteps": 1_000_000,
    "eval_every": 10_000,
    "eval_episodes": 10,
    "robust_sac": {
        "num_envs": 1,
        "gradient_steps": 1,
        "learning_starts": 5000,
        "buffer_size": 1_000_000,
        "batch_size": 1024,
        "learning_rate": 1e-4,
        "ent_coef": "auto_0.1",
        "target_update_interval": 2,
        "net_arch": (1024, 1024),
        "activation": "relu",
        "log_std_range": (-5.0, 2.0),
    },
}
# Presets of every task. A row of the table of tasks can replace them.
PRESETS = {
    "default": {},
    "plan": {"ppo": PLAN},
    "usr": USR,
    "usr_fast": FREQUENT_SAC | {"algo": "robust_sac"},  # two cores; the values of SAC also apply to its variants
}
