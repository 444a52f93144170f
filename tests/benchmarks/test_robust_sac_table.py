"""The study of robust SAC: methods are valid trainings, sweeps have their ends, measures pool episodes of all trainings."""

from pathlib import Path

import numpy as np
import pytest

import train
from benchmarks.robust_sac_report import draw, picture_files, report
from benchmarks.robust_sac_study import ADVERSARIAL, TASKS, conditions, legacy_discount, methods, nominal, randomised, sweep
from benchmarks.robust_sac_table import RobustSacTableConfig, main
from benchmarks.study_trainings import Training, options
from evaluation.study.results import KEYS, Results
from evaluation.study.returns import EPISODES, METRICS, auc_text, pooled, returns_cell
from run_folder.runs import load_run
from tests.helpers.refusals import refusal

TOY = TASKS["toy"]
STUDY = RobustSacTableConfig(task="toy").study
EVERY_METHOD = [(task, method) for task in TASKS for method in methods(TASKS[task])]


def config_of(task, method):
    config = train.parse(options(Training(method, 1), TASKS[task].env_id, 60_000, Path()))
    config.check_learner()
    return config


@pytest.mark.parametrize(("task", "method"), EVERY_METHOD, ids=lambda value: getattr(value, "name", value))
def test_each_method_is_a_training_whose_options_all_have_an_effect(task, method):
    config = config_of(task, method)
    assert config.algo == "robust_sac" and config.total_timesteps == 60_000 and config.eval_every == 0


def test_the_methods_of_a_task_differ_in_what_they_are_named_for():
    configs = {method.name: config_of("cartpole", method) for method in methods(TASKS["cartpole"])}
    learners = {name: config.robust_sac for name, config in configs.items()}
    assert {name for name, own in learners.items() if own.robust_method == "no"} == {
        *("sac", "discount", "discount_98", "noise", "dr", "dr_history")
    }
    assert {name for name, own in learners.items() if own.estimator == "legacy"} == {
        f"legacy_{name}" for name in ADVERSARIAL
    }
    assert {name: own.highest_coef for name, own in learners.items() if own.robust_method in ("l1_reg", "l2_reg")} == {
        "l1_reg": 1e-5,
        "l2_reg": 1e-4,
    }
    assert {learners[name].robust_method for name in ("l2_param", "small_l2_param")} == {"l2_param"}
    assert learners["l2_param"].highest_coef == 0.01 and learners["small_l2_param"].highest_coef == 0.001
    assert learners["l1_param"].highest_coef == 0.01 and learners["legacy_l2_adv_param"].highest_coef == 1e-4
    assert {name for name, own in learners.items() if own.gamma != 0.99} == {"discount", "discount_98"}
    assert configs["dr_history"].env_kwargs["frames"] == 4
    assert configs["dr"].env_kwargs["perturb_spec"]["params"]["pole_length"] == [0.65, 2.0]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_the_smaller_discount_is_that_of_the_original_target_for_a_constant_value(task):
    value = -10.0 if task is TOY else 10.0  # the toy's rewards are costs
    norms = np.linalg.norm(value * np.random.default_rng(0).standard_normal((200_000, task.size)), axis=1)
    target = (1 - 1e-4) * value - 1e-4 * norms.mean()
    assert legacy_discount(task) == pytest.approx(0.99 * target / value, rel=1e-6)
    assert (legacy_discount(task) > 0.99) == (task is TOY)


def test_a_study_of_the_toy_trains_plays_and_compares(tmp_path, capsys):
    methods = ("sac", "l2_param", "legacy_linf_adv_param")  # 2100 steps: 100 updates
    argv = f"--task toy --only {' '.join(methods)} --seeds 1 --steps 2100 --groups clean inertia_x --episodes 2"
    argv += " --episode-steps 20"
    assert main([*argv.split(), "--out", str(tmp_path), "--num-threads", "1"]) == 0
    results = STUDY.results(tmp_path / "toy/results.csv")
    assert results.seeds("sac") == [1] and len(results.groups["inertia_x"]) == 20 and not results.incomplete
    returns = results.values("sac", "return")
    assert (returns < 0).all() and len(np.unique(returns)) > 10  # inertia changes what the same policy earns
    assert len({results.values(method, "return").tobytes() for method in methods}) == 3
    line = f"| SAC | {returns[0, 0]:.0f} | "
    assert line in (tmp_path / "toy/tables.md").read_text() and line in capsys.readouterr().out


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())
def test_a_sweep_has_both_ends_and_a_value_is_in_where_the_randomised_training_meets_it(task):
    found = {condition.name: condition for condition in conditions(task)}
    assert len(found) == 1 + 20 * len(task.ranges)
    for name, (_, low, high) in task.ranges.items():
        own = [condition for condition in found.values() if condition.group == name]
        values = [condition.arguments["perturb_spec"]["params"][name] for condition in own]
        np.testing.assert_allclose(values, sweep(task, name))
        assert values[0] == low and values[-1] == pytest.approx(high)
        first, last = randomised(task, name)
        assert [condition.reach == "in" for condition in own] == [first <= value <= last for value in values]


def results_of(returns):
    """Returns results from method -> returns (s, v, e) of the trainings over inertia_x; the clean returns are the first."""
    names = ["clean", *(condition.name for condition in conditions(TOY) if condition.group == "inertia_x")]
    rows = []
    for method, values in returns.items():
        for seed, own in enumerate(values, 1):
            for name, episodes in zip(names, [own[0], *own]):
                group = name.partition("=")[0]
                cell = dict.fromkeys(METRICS) | {"return": np.mean(episodes)} | dict(zip(EPISODES, episodes))
                rows.append(dict(zip(KEYS, (method, seed, "steps", 9, 1.0, name, group, "", len(episodes)))) | cell)
    return Results(rows, STUDY.apart)


def test_the_nominal_task_does_not_count_among_the_sweeps():
    values = np.full((2, 20, 2), 200.0)
    values[:, 0] = 900.0  # also of the nominal task
    assert "| SAC | 900 (900 to 900) | 235 (235 to 235) | 200 (" in report(TOY, results_of({"sac": values}))


def test_the_returns_are_also_compared_with_those_of_the_smaller_discounts():
    values = {"sac": 200.0, "l2_param": 50.0, "discount": 160.0}
    text = report(TOY, results_of({name: np.full((2, 20, 2), value) for name, value in values.items()}))
    rival = text.partition("## Difference of the return from SAC, smaller discount")[2]
    assert "| l2_param | **-110** (-110 to -110) |" in rival and "| SAC | **+40** (+40 to +40) |" in rival
    assert "discount 0.98" not in text


def test_the_robust_auc_pools_the_episodes_of_all_trainings():
    values = np.random.default_rng(0).normal(100.0, 30.0, (3, 20, 4))
    results = results_of({"sac": values, "dr": values + 50.0})
    returns = pooled(results, "sac", results.groups["inertia_x"])
    assert [sorted(own) for own in returns] == [sorted(values[:, index].ravel()) for index in range(20)]
    lows = [np.quantile(values[:, index], 0.1) for index in range(20)]
    x = np.linspace(0.5, 1.5, 20)
    area = sum((lows[i] + lows[i + 1]) / 2 * (x[i + 1] - x[i]) for i in range(19))
    assert auc_text(x, returns).startswith(f"{area:.0f} [")
    text = report(TOY, results)
    assert f"| SAC | {area:.0f} [" in text and f"| SAC + DR | {area + 50:.0f} [" in text
    assert "inertia_y" not in text and "| SAC + DR | **+50** (+50 to +50) |" in text


def test_a_picture_shows_the_mean_return_and_the_band_over_the_parameter(tmp_path, monkeypatch):
    results = results_of({"sac": np.full((1, 20, 2), 3.0), "dr": np.full((1, 20, 2), 5.0)})
    for _ in range(2):  # the program's own pictures may be replaced
        (file,) = draw(TOY, results, picture_files(TOY, tmp_path), ("sac", "dr", "noise"))
        assert file.name == "inertia_x.png" and file.stat().st_size > 5000
    episodes, figures = np.random.default_rng(0).normal(4.0, 1.0, (3, 20, 2)), []
    monkeypatch.setattr("benchmarks.robust_sac_report.write_aside", lambda _, save: figures.append(save.func.__self__))
    draw(TOY, results_of({"dr": episodes}), picture_files(TOY, tmp_path), ("dr",))
    (axes,) = figures[0].axes
    np.testing.assert_allclose(axes.lines[0].get_xydata(), np.stack([sweep(TOY, "inertia_x"), episodes.mean((0, 2))], 1))
    corners = axes.collections[0].get_paths()[0].vertices[:, 1]
    pooled_returns = np.moveaxis(episodes, 1, 0).reshape(20, -1)
    for band in np.quantile(pooled_returns, (0.1, 0.9), axis=1):
        assert all(np.isclose(corners, value).any() for value in band)
    (tmp_path / "inertia_y.png").write_bytes(file.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"inertia_y.png exists and was not written by this program"):
        picture_files(TOY, tmp_path)


def test_a_cell_has_the_return_of_every_episode_of_the_nominal_task(tmp_path):
    run = tmp_path / "run"
    words = "--preset usr_fast --total-timesteps 8 --num-envs 1 --eval-every 0 --robust-sac.learning-starts 4"
    spec = "{noise_spec: {gaussian: {enable: true, observations: 0.05}}, frames: 2}"
    command = ["--env", "RWRLCartpoleSwingup-v0", *words.split(), "--env-kwargs", spec, "--run-dir", str(run)]
    assert train.main(command) == 0
    trained, condition = load_run(run), conditions(TASKS["cartpole"])[20]
    cell = returns_cell(trained, condition, nominal, 2, 30, 1_500_003, num_threads=2)
    assert cell["return"] == pytest.approx(np.mean([cell["return_1"], cell["return_2"]])) and cell["return_3"] is None
    env = trained.make_env(1, noise_spec=None, perturb_spec={"params": {"pole_length": 3.0}}, max_episode_steps=30)
    observation, total, done = env.reset(seed=1_500_004)[0], 0.0, False
    while not done:
        observation, reward, _, (done,), _ = env.step(trained.act(observation))
        total += reward[0]
    assert cell["return_2"] == pytest.approx(total)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("--task toy --only noise", "only must name some of sac, "),
        ("--groups thigh_length", "groups must name some of clean, pole_length"),
        ("--episodes 21", "episodes must"),
        ("--drawn=sac", "--drawn has no effect without --pictures"),
        ("--pictures p --no-evaluation", "--pictures has no effect: --no-evaluation evaluates nothing"),
        ("--tables-from nowhere.csv --task toy", "robust_sac_table: cannot read nowhere.csv"),
        ("--tables-from nowhere.csv --steps 3", "--steps has no effect"),
    ],
)
def test_an_option_that_is_wrong_or_has_no_effect_is_one_sentence(argv, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(main, argv, capsys)
