"""Every question about an algorithm is answered by its row: no other file names one, and rows do what they say."""

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.vec_env import VecNormalize

import train
from algorithms.learners import LEARNERS, learner_of, variant, with_variants
from algorithms.ppo import PpoConfig
from algorithms.vec_env import make_batch_vec_env
from run_folder.learner_state import check_kept, kept, put_back_kept
from tests.helpers.quiet_ppo import QuietPPO, QuietPpoConfig
from training.config import EnvTrainConfig, TrainConfig
from utils.config import updated

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for package in "run_folder evaluation callbacks training tuning utils envs controllers benchmarks".split()
    for path in sorted((ROOT / package).rglob("*.py"))
] + sorted(ROOT.glob("*.py"))
CLASSES = {"PPO", "SAC", "ActorCriticPolicy", "SACPolicy", "PpoConfig", "SacConfig", "RobustSAC", "RobustSacConfig"}
QUIET = variant(LEARNERS["ppo"], "quiet_ppo", config=QuietPpoConfig, algorithm=QuietPPO, kept=("multiplier",))


def mentions(source: str, keys: bool = True) -> list[int]:
    """Returns the lines of a source that name an algorithm's class, or ask for an algorithm by its name.

    Without `keys` the keys of dictionaries may be names: presets give numbers by learner.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        name = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "name", None) or ""
        if isinstance(node, ast.Name | ast.Attribute | ast.alias) and name.split(".")[-1] in CLASSES:
            found.append(node.lineno)
        asked = {
            ast.Compare: [node],
            ast.Subscript: [getattr(node, "slice", None)],
            ast.Dict: getattr(node, "keys", []) if keys else [],
        }
        texts = [part for inner in asked.get(type(node), ()) if inner for part in ast.walk(inner)]
        if any(isinstance(part, ast.Constant) and part.value in {*LEARNERS, *CLASSES} for part in texts):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(model, SAC)",
        "from stable_baselines3 import PPO",
        "algo == 'sac'",
        "config.algo in ('ppo', 'other')",
        "sizes = {'ppo': 1}",
        "field: Literal['ppo', 'sac']",
        "type(policy).__name__ == 'SACPolicy'",
        "numbers['sac']",
    ],
)
def test_a_question_about_an_algorithm_is_found(source):
    assert mentions(source) == [1]
    assert not mentions("algo: str = 'ppo'; LEARNERS[config.algo].make(numbers)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_but_the_table_asks_which_algorithm_it_is(path):
    assert not mentions(path.read_text(), keys=ROOT / "training/tasks" not in path.parents)


def small(row, **numbers):
    """Returns a model of a row on one toy simulation, or on one walk if the learner needs privileged observations."""
    walk = {"env_id": "envs:ResidualWalk-v0", "privileged": True}
    env = VecNormalize(make_batch_vec_env(num_envs=1, **(walk if row.config().privileged else {"env_id": "envs:Toy-v0"})))
    return row.make(replace(row.config(), **(dict(row.smallest) | {"net_arch": (4,)} | numbers)), env, 0)


@pytest.fixture
def quiet(monkeypatch):
    """Adds the row of a variant of PPO to the table."""
    monkeypatch.setitem(LEARNERS, "quiet_ppo", replace(QUIET, transient=("action_limit",)))
    return LEARNERS["quiet_ppo"]


def test_a_model_belongs_to_the_nearest_row_of_its_class(quiet):
    class Derived(QuietPPO):
        pass

    class Foreign(stable_baselines3.SAC):
        pass

    made = {kind: kind.__new__(kind) for kind in (Derived, Foreign, stable_baselines3.PPO, LEARNERS["sac"].algorithm)}
    assert [learner_of(model).name for model in made.values()] == ["quiet_ppo", "sac", "ppo", "sac"]
    with pytest.raises(
        ValueError,
        match=r"DQN has no row in algorithms/learners.py. There are ppo, sac, .*, smooth_ppo, robust_sac, quiet_ppo",
    ):
        learner_of(stable_baselines3.DQN.__new__(stable_baselines3.DQN))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_checkpoint_forgets_nothing_of_a_learner(name):
    model = small(LEARNERS[name])
    check_kept(model)
    model.learn(4)
    check_kept(model)  # nor of what it has once it learns
    model.lagrangian = 0.5
    words = f"would not save {type(model).__name__}.lagrangian: name it in `kept` of {name}"
    with pytest.raises(ValueError, match=words):
        check_kept(model)


def test_what_a_checkpoint_would_forget_is_refused_before_there_is_a_folder(quiet, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(LEARNERS, "quiet_ppo", replace(quiet, kept=(), config=PpoConfig))
    monkeypatch.setitem(LEARNERS, "ppo", replace(LEARNERS["ppo"], algorithm=QuietPPO))
    assert train.main(["--env", "Toy-v0", "--run-dir", str(tmp_path / "run")]) == 2
    assert "a checkpoint would not save QuietPPO.action_limit" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


class Estimating(QuietPPO):
    """Has one attribute of each type that a checkpoint keeps, and one that it does not."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.estimator = torch.nn.Linear(2, 1)
        self.estimator_optimizer = torch.optim.Adam(self.estimator.parameters())
        self.scale, self.history = torch.ones(3), {"sizes": [1.0], "mean": np.zeros(2)}


NAMES = ("multiplier", "estimator", "estimator_optimizer", "scale", "history")


def test_numbers_containers_tensors_modules_and_optimisers_are_kept(monkeypatch):
    row = replace(QUIET, algorithm=Estimating, kept=NAMES, transient=("action_limit",))
    monkeypatch.setitem(LEARNERS, "quiet_ppo", row)
    model, other = small(row), small(row)
    model.estimator(torch.ones(2)).sum().backward(), model.estimator_optimizer.step()
    model.multiplier, model.history = 0.3, {"sizes": [1.0, 2.0], "mean": np.ones(2)}
    model.scale[1] = 7.0
    put_back_kept(other, kept(model))
    assert other.multiplier == 0.3 and other.history["sizes"] == [1.0, 2.0] and other.scale[1] == 7.0
    assert torch.equal(other.estimator.weight, model.estimator.weight)
    states = [each.estimator_optimizer.state_dict()["state"][0]["exp_avg"] for each in (model, other)]
    assert torch.equal(*states) and states[0].any()


def test_a_kept_attribute_of_a_type_that_no_file_holds_is_refused(monkeypatch):
    row = replace(QUIET, algorithm=Estimating, kept=(*NAMES, "foreign"), transient=("action_limit",))
    monkeypatch.setitem(LEARNERS, "quiet_ppo", row)
    model = small(row)
    model.foreign = iter("abc")
    with pytest.raises(ValueError, match=r"Estimating.foreign is a str_\w*iterator, which a checkpoint cannot save"):
        check_kept(model)


def test_a_variant_has_the_presets_of_the_learner_that_it_varies(quiet):
    changes = {"total_timesteps": 5, "ppo": {"n_steps": 7, "gamma": 0.9}, "quiet_ppo": {"gamma": 0.8}}
    wanted = {"quiet_ppo": {"n_steps": 7, "gamma": 0.8}, "asymmetric_ppo": changes["ppo"], "smooth_ppo": changes["ppo"]}
    assert with_variants(changes) == changes | wanted
    assert with_variants({"asymmetric_ppo": {"gamma": 0.9}}) == {"asymmetric_ppo": {"gamma": 0.9}}
    assert variant(quiet, "quieter").presets_of == "ppo"


def test_a_training_has_the_numbers_of_every_row():
    config = EnvTrainConfig(env_id="Toy-v0", num_envs=3)
    assert [getattr(config, name).num_envs for name in LEARNERS] == [3] * len(LEARNERS)
    assert all(isinstance(getattr(config, name), row.config) for name, row in LEARNERS.items())
    assert updated(TrainConfig(), {"ppo": {"n_steps": 9}}).sac == TrainConfig().sac  # an old file names some rows only


def test_numbers_that_contradict_each_other_are_named_as_on_the_command_line():
    with pytest.raises(ValueError, match=r"^ppo.batch_size must be at most num_envs x n_steps, 1 x 9 = 9, got 2048"):
        EnvTrainConfig(ppo=PpoConfig(num_envs=1, n_steps=9)).check_learner()
    assert EnvTrainConfig(ppo=PpoConfig(num_envs=1, n_steps=9), algo="sac").check_learner() is None
