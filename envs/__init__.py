"""Registers every environment; `import envs` is all that `gymnasium.make` needs, and nothing heavy is loaded by it."""

import gymnasium

gymnasium.register(
    "ResidualWalk-v0",
    entry_point="envs.residual_walk_env:ResidualWalkEnv",
    vector_entry_point="envs.residual_walk_env:ResidualWalkVectorEnv",
    max_episode_steps=5000,
)

gymnasium.register(
    "AdaptiveWalk-v0",
    entry_point="envs.adaptive_walk_env:AdaptiveWalkEnv",
    vector_entry_point="envs.adaptive_walk_env:AdaptiveWalkVectorEnv",
    max_episode_steps=5000,
)

gymnasium.register(
    "CubeInHand-v0",
    entry_point="envs.cube_in_hand_env:CubeInHandEnv",
    vector_entry_point="envs.cube_in_hand_env:CubeInHandVectorEnv",
    max_episode_steps=1000,
)

# The Real-World RL suite: id -> its domain and task.
_RWRL = {
    "RWRLCartpoleSwingup-v0": ("cartpole", "swingup"),
    "RWRLCartpoleBalance-v0": ("cartpole", "balance"),
    "RWRLWalkerStand-v0": ("walker", "stand"),
    "RWRLWalkerWalk-v0": ("walker", "walk"),
    "RWRLWalkerRun-v0": ("walker", "run"),
    "RWRLQuadrupedWalk-v0": ("quadruped", "walk"),
    "RWRLQuadrupedRun-v0": ("quadruped", "run"),
    "RWRLHumanoidStand-v0": ("humanoid", "stand"),
    "RWRLHumanoidWalk-v0": ("humanoid", "walk"),
}
for _id, (_domain, _task) in _RWRL.items():
    gymnasium.register(
        _id,
        entry_point="envs.rwrl_env:rwrl",
        vector_entry_point="envs.rwrl_env:rwrl_vector",
        max_episode_steps=1000,
        kwargs={"domain": _domain, "task": _task},
    )

for _object in ("Block", "Pen", "Egg"):
    gymnasium.register(
        f"ShadowHand{_object}-v0",
        entry_point="envs.shadow_hand_env:shadow_hand",
        vector_entry_point="envs.shadow_hand_env:shadow_hand_vector",
        max_episode_steps=100,
        kwargs={"thing": _object.lower()},
    )

gymnasium.register(
    "Toy-v0",
    entry_point="envs.toy_env:ToyEnv",
    vector_entry_point="envs.toy_env:ToyVectorEnv",
    max_episode_steps=100,
)
