"""Registers every environment from one table, so that `import envs` is all that `gymnasium.make` needs.

Importing this package loads no other module of the project: Gymnasium imports an entry point when it is first made.
"""

import gymnasium

_RWRL = ("envs.rwrl_env:rwrl", "envs.rwrl_env:rwrl_vector", 1000)
_SHADOW = ("envs.shadow_hand_env:shadow_hand", "envs.shadow_hand_env:shadow_hand_vector", 100)

# id: single entry point, vector entry point, maximum steps of an episode, further arguments
TABLE = {
    "ResidualWalk-v0": ("envs.residual_walk_env:ResidualWalkEnv", "envs.residual_walk_env:ResidualWalkVectorEnv", 5000, {}),
    "AdaptiveWalk-v0": ("envs.adaptive_walk_env:AdaptiveWalkEnv", "envs.adaptive_walk_env:AdaptiveWalkVectorEnv", 5000, {}),
    "RealAnt-v0": ("envs.realant_env:realant", "envs.realant_env:realant_vector", 1000, {}),
    "Biped-v0": ("envs.biped_env:biped", "envs.biped_env:biped_vector", 2400, {}),
    "A1-v0": ("envs.a1_env:A1Env", "envs.a1_env:A1VectorEnv", 400, {}),
    "CubeInHand-v0": ("envs.cube_in_hand_env:CubeInHandEnv", "envs.cube_in_hand_env:CubeInHandVectorEnv", 1000, {}),
    "Toy-v0": ("envs.toy_env:ToyEnv", "envs.toy_env:ToyVectorEnv", 100, {}),
    "ShadowHandBlock-v0": (*_SHADOW, {"thing": "block"}),
    "ShadowHandPen-v0": (*_SHADOW, {"thing": "pen"}),
    "ShadowHandEgg-v0": (*_SHADOW, {"thing": "egg"}),
    "RWRLCartpoleSwingup-v0": (*_RWRL, {"domain": "cartpole", "task": "swingup"}),
    "RWRLCartpoleBalance-v0": (*_RWRL, {"domain": "cartpole", "task": "balance"}),
    "RWRLWalkerStand-v0": (*_RWRL, {"domain": "walker", "task": "stand"}),
    "RWRLWalkerWalk-v0": (*_RWRL, {"domain": "walker", "task": "walk"}),
    "RWRLWalkerRun-v0": (*_RWRL, {"domain": "walker", "task": "run"}),
    "RWRLQuadrupedWalk-v0": (*_RWRL, {"domain": "quadruped", "task": "walk"}),
    "RWRLQuadrupedRun-v0": (*_RWRL, {"domain": "quadruped", "task": "run"}),
    "RWRLHumanoidStand-v0": (*_RWRL, {"domain": "humanoid", "task": "stand"}),
    "RWRLHumanoidWalk-v0": (*_RWRL, {"domain": "humanoid", "task": "walk"}),
}

for _id, (_single, _vector, _steps, _arguments) in TABLE.items():
    gymnasium.register(_id, _single, vector_entry_point=_vector, max_episode_steps=_steps, kwargs=_arguments)
