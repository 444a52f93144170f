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
