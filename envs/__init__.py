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
