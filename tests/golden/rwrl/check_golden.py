"""Checks an implementation of the Real-World RL challenges against numbers recorded from the original suite.

    python check_golden.py --adapter my_adapter.py [--only NAME ...] [--rtol 1e-7] [--atol 1e-7] [--slow] [--list]

The numbers stand beside this file; they come from google-research/realworldrl_suite, commit be7a51c, with dm-control 1.0.50
and mujoco 3.17.0. The adapter file defines `class Adapter` with the methods below; a missing one skips its check.

    specs(domain, task) -> dict with step_limit, n_sub_steps, control_timestep, action_min, action_max, obs, constraints,
        perturb_params, default_perturb_param, combined; obs is [[name, shape], ...] with safety on
    limits(domain, task, coeff) -> {name: number or array}
    constraints_from_vars(domain, task, coeff, variables) -> {constraint: bool}
    safety_env(domain, task, coeff) -> an object with model, data (of mujoco itself), reset(), step(action) -> reward,
        safety_vars(), constraints() -> {name: bool}, observation() -> {name: array}, without noise and delay
    scheduler(name, start, min, max, std, z, u) -> list of values; update i uses std * z[i], "uniform" also u[k]
    resets_that_update(period, n) -> list of those of the first n resets that update the parameter
    perturbed_model(domain, task, param, value) -> mujoco.MjModel
    toy(delay_spec, noise_spec, actions, episodes) -> per episode {reset_obs: [x, y], steps: [{applied, reward, x, y}]}, of
        the environment that toy_deterministic.json describes; toy_options = {"clear_on_reset"} compares one episode only
    toy_scripted(delay_spec, noise_spec, actions, binomial_draws, normal_draws, uniform_draws) -> the same, one episode
    action_roc(domain, task, coeff, previous_ctrl, ctrl) -> bool
    merge_multiobj(reward, constraints, coeff) -> float; multiobj_obs(reward, constraints) -> list
    evaluate(returns) -> dict; accumulate(episodes) -> dict, both as in evaluators.json
    noise_stat(kind, prob, steps, T) -> fraction
    reset_state(domain, task, seed) -> qpos
    random_return(domain, task, level, episodes) -> list (slow)
"""

import argparse
import importlib.util
import json
import sys
import traceback
from collections import Counter, defaultdict
from pathlib import Path

import mujoco
import numpy as np

HERE = Path(__file__).parent
TASKS = {
    "cartpole": "realworld_swingup",
    "walker": "realworld_walk",
    "quadruped": "realworld_walk",
    "humanoid": "realworld_walk",
}
COEFFICIENTS = ("1.0", "0.5", "0.2", "0.0")
KEPT_MESSAGES = 8


def main(argv=None):
    """Runs the checks, prints a line for each group, and returns how many comparisons failed."""
    options = _options(argv)
    if options.list:
        print("\n".join(CHECKS))
        return 0
    adapter, report = load_adapter(options.adapter), Report(options.rtol, options.atol)
    for name, check in CHECKS.items():
        if options.only and name not in options.only:
            continue
        if not hasattr(adapter, name) or (name in SLOW and not options.slow):
            report.skipped.append(name)
            continue
        try:
            check(adapter, report)
        except Exception as error:
            traceback.print_exc()
            report.same(name, False, f"raised {error!r}")
    return report.show()


class Report:
    """Counts comparisons by group, and keeps what is said of the first failures."""

    def __init__(self, rtol, atol):
        self.rtol, self.atol, self.skipped = rtol, atol, []
        self.passed, self.failed, self.errors, self.messages = Counter(), Counter(), Counter(), defaultdict(list)

    def same(self, group, agrees, message=""):
        (self.passed if agrees else self.failed)[group] += 1
        if not agrees and len(self.messages[group]) < KEPT_MESSAGES:
            self.messages[group].append(message)

    def close(self, group, got, wanted, rtol=None, atol=1e-9, message=""):
        got, wanted = np.asarray(got, float), np.asarray(wanted, float)
        if got.shape != wanted.shape and got.size == wanted.size:
            got = got.reshape(wanted.shape)
        if got.shape != wanted.shape:
            return self.same(group, False, f"{message}: shape {got.shape} instead of {wanted.shape}")
        error = float(np.max(np.abs(got - wanted) / (1 + np.abs(wanted)), initial=0.0))
        self.errors[group] = max(self.errors[group], error)
        rtol = self.rtol if rtol is None else rtol
        return self.same(group, np.allclose(got, wanted, rtol=rtol, atol=atol), f"{message}: relative error {error:.3g}")

    def recorded(self, group, got, wanted, message):
        """Compares numbers that a simulation gave, at the tolerances asked for."""
        self.close(group, got, wanted, self.rtol, self.atol, message)

    def show(self):
        for name in self.skipped:
            print("SKIP ", name)
        for group in sorted(self.passed | self.failed):
            word = "FAIL" if self.failed[group] else "pass"
            print(f"{word}  {group:55} {self.passed[group]:5} ok {self.failed[group]:4} bad  error {self.errors[group]:.2g}")
            print("".join(f"          {message}\n" for message in self.messages[group]), end="")
        print(f"\n{self.passed.total()} passed, {self.failed.total()} failed")
        return self.failed.total()


def check_specs(adapter, report):
    for key, wanted in read("specs.json")["tasks"].items():
        got = adapter.specs(*key.split(":"))
        for name in ("step_limit", "n_sub_steps", "control_timestep", "action_min", "action_max"):
            report.close("specs", got[name], wanted[name], 1e-12, message=f"{key} {name}")
        for name in ("obs", "constraints", "default_perturb_param"):
            agrees = json.loads(json.dumps(got[name])) == wanted[name]
            report.same("specs", agrees, f"{key} {name}: {got[name]} instead of {wanted[name]}")
        for param, numbers in got["perturb_params"].items():
            for name in ("start", "min", "max", "std"):
                own = wanted["perturb_params"][param][name]
                report.close("specs", numbers[name], own, 1e-12, 0, f"{key} {param} {name}")
        for level, challenge in got["combined"].items():
            _compare_nested(report, challenge, wanted["combined"][level], f"{key}.{level}")


def _compare_nested(report, got, wanted, path):
    for name, value in wanted.items():
        if isinstance(value, dict):
            _compare_nested(report, got[name], value, f"{path}.{name}")
        else:
            report.same("combined", got[name] == value, f"{path}.{name}: {got[name]!r} instead of {value!r}")


def check_limits(adapter, report):
    for key, wanted in read("specs.json")["tasks"].items():
        for coeff, limits in wanted["limits"].items():
            got = adapter.limits(*key.split(":"), float(coeff))
            for name, value in limits.items():
                report.close("limits", got[name], value, 1e-12, 1e-15, f"{key} {coeff} {name}")


def check_constraints_from_vars(adapter, report):
    for key, rows in read("constraint_tables.json")["rows"].items():
        domain, task = key.split(":")
        for row in rows:
            got = adapter.constraints_from_vars(domain, task, row["coeff"], row["vars"])
            for name, truth in row["truth"].items():
                message = f"{key} {row['coeff']} {row['tag']}: {name} should be {truth}"
                report.same(f"constraint table {domain}", bool(got[name]) == truth, message)


def check_safety_env(adapter, report):
    for domain, task in TASKS.items():
        recorded = arrays(f"transitions_{domain}.npz")
        for coeff in COEFFICIENTS:
            _check_transitions(adapter.safety_env(domain, task, float(coeff)), report, domain, coeff, recorded)


def _check_transitions(env, report, domain, coeff, recorded):
    group, names = f"transitions {domain}", [str(name) for name in recorded["constraint_names"]]
    for row, action in enumerate(recorded["action"]):
        env.reset()
        _load_state(env, recorded, row)
        if coeff == "1.0":
            # What was applied before cannot be told from a state, nor what an unrelated step left.
            variables = {name: value for name, value in env.safety_vars().items() if name != "actions"}
            _compare_parts(report, f"{group} safety vars (static)", variables, recorded, "svpre_", row)
        reward, truth = env.step(action.copy()), env.constraints()
        for name, wanted in zip(names, recorded[f"constraints_{coeff}"][row]):
            report.same(f"{group} constraints", bool(truth[name]) == bool(wanted), f"{coeff} row {row} {name}")
        if coeff == "1.0":
            state = np.concatenate([recorded["post_qpos"][row], recorded["post_qvel"][row]])
            report.recorded(f"{group} dynamics", np.concatenate([env.data.qpos, env.data.qvel]), state, f"row {row}")
            report.recorded(f"{group} reward", reward, recorded["reward"][row], f"row {row}")
            _compare_parts(report, f"{group} safety vars (after step)", env.safety_vars(), recorded, "sv_", row)
            _compare_parts(report, f"{group} observation", env.observation(), recorded, "obs_", row)


def _load_state(env, recorded, row):
    mujoco.mj_resetData(env.model, env.data)
    for name in ("qpos", "qvel", "act", "ctrl"):
        getattr(env.data, name)[:] = recorded[f"pre_{name}"][row]
    mujoco.mj_forward(env.model, env.data)


def _compare_parts(report, group, parts, recorded, prefix, row):
    for name, value in parts.items():
        if prefix + name in recorded:
            report.recorded(group, value, recorded[prefix + name][row], f"{name} row {row}")


def check_scheduler(adapter, report):
    table = read("schedulers.json")
    for case in table["cases"]:
        bounds = [case[name] for name in ("start", "min", "max", "std")]
        got, wanted = adapter.scheduler(case["scheduler"], *bounds, table["z"], table["u"]), case["values"]
        report.close("scheduler", got, wanted, 1e-9, message=f"{case['name']} {case['scheduler']}")


def check_resets_that_update(adapter, report):
    for case in read("perturb_period.json")["cases"]:
        got = list(adapter.resets_that_update(case["period"], 12))
        report.same("perturb period", got == case["changed_on_reset"], f"period {case['period']}: {got}")


def check_perturbed_model(adapter, report):
    recorded, index = arrays("perturbed_models.npz"), read("perturbed_models_index.json")
    for case in index["cases"]:
        domain, param, value = case["domain"], case["param"], float(case["value"])
        model = adapter.perturbed_model(domain, TASKS[domain], param, value)
        for field in index["fields"]:
            source = f"{param}|{value!r}" if field in case["changed"] else "nominal"
            wanted = recorded[f"{domain}|{source}|{field}"]
            message = f"{param}={value} {field}"
            report.close(f"perturbed model {domain}", getattr(model, field), wanted, 1e-9, 1e-12, message)


def check_toy(adapter, report):
    cleared = "clear_on_reset" in getattr(adapter, "toy_options", ())
    for case in read("toy_deterministic.json")["cases"]:
        trace = adapter.toy(case["delay_spec"], case["noise_spec"], case["actions"], case["episodes"])
        for episode in range(1 if cleared else case["episodes"]):
            _compare_traces(report, "toy", trace[episode], case["trace"][episode], f"{case['name']} episode {episode}")


def check_toy_scripted(adapter, report):
    for case in read("toy_scripted.json")["cases"]:
        draws = [case[f"{kind}_draws"] for kind in ("binomial", "normal", "uniform")]
        trace = adapter.toy_scripted(case["delay_spec"], case["noise_spec"], case["actions"], *draws)
        _compare_traces(report, "toy scripted", trace[0], case["trace"][0], case["name"])


def _compare_traces(report, group, got, wanted, name):
    for part, own in zip(got["reset_obs"], wanted["reset_obs"]):
        report.close(group, part, own, 1e-9, message=f"{name} reset")
    for place, (step, own) in enumerate(zip(got["steps"], wanted["steps"], strict=True)):
        for part in ("applied", "reward", "x", "y"):
            report.close(group, step[part], own[part], 1e-9, message=f"{name} step {place} {part}")


def check_action_roc(adapter, report):
    for domain, task in TASKS.items():
        recorded = arrays(f"transitions_{domain}.npz")
        for coeff in COEFFICIENTS:
            for row, truth in enumerate(recorded[f"action_roc_{coeff}"]):
                controls = recorded["pre_ctrl"][row], recorded["sv_actions"][row]
                got = bool(adapter.action_roc(domain, task, float(coeff), *controls))
                report.same(f"action rate {domain}", got == bool(truth), f"{coeff} row {row}")


def check_merge_multiobj(adapter, report):
    for row in read("multiobj.json")["rows"]:
        reward, constraints = row["reward"], row["constraints"]
        report.close("multiobj", adapter.merge_multiobj(reward, constraints, row["coeff"]), row["merged"], 1e-12)
        report.close("multiobj", adapter.multiobj_obs(reward, constraints), row["observed"], 1e-12)


def check_evaluate(adapter, report):
    names = "convergence_episode final_return absolute_regret normalized_regret normalized_instability".split()
    for case in read("evaluators.json")["cases"]:
        got = adapter.evaluate(np.array(case["returns"]))
        for name in names:
            report.close("evaluators", got[name], case[name], 1e-9, message=f"{case['name']} {name}")


def check_accumulate(adapter, report):
    recorded = read("evaluators.json")["accumulator"]
    got = adapter.accumulate(recorded["episodes"])
    for group, parts in recorded["stats"].items():
        for name, wanted in parts.items():
            report.close("accumulator", got[group][name], wanted, 1e-9, message=f"{group}.{name}")


def check_noise_stat(adapter, report, length=20_000):
    for case in read("noise_stats.json")["cases"]:
        if case["kind"] not in ("dropped", "stuck", "repetition"):
            continue
        wanted, steps = case["theory"], case["steps"]
        got = adapter.noise_stat(case["kind"], case["prob"], steps, length)
        spread = np.sqrt(wanted * (1 - wanted) * 2 * steps / length)
        report.same("noise statistics", abs(got - wanted) <= 5 * spread + 1e-11, f"{case}: {got:.4f}")


def check_reset_state(adapter, report, seeds=60):
    recorded = read("resets.json")["domains"]
    for domain, task in TASKS.items():
        places = np.array([adapter.reset_state(domain, task, seed) for seed in range(seeds)])
        mean, spread, low, high = (np.array(recorded[domain][f"qpos_{name}"]) for name in ("mean", "sd", "min", "max"))
        near = 5 * spread * np.sqrt(1 / seeds + 1 / recorded[domain]["n"]) + 1e-3
        _report_places(report, np.abs(places.mean(0) - mean) > near, f"{domain}: another mean")
        outside = (places < low - 3 * spread - 0.01) | (places > high + 3 * spread + 0.01)
        _report_places(report, outside.any(0), f"{domain}: outside of the original's range")
        own = places.std(0)
        _report_places(report, (own > 2 * spread + 1e-3) | (spread > 2 * own + 1e-3), f"{domain}: another spread")


def _report_places(report, bad, message):
    report.same("reset distribution", not bad.any(), f"{message} at qpos {np.flatnonzero(bad).tolist()}")


def check_random_return(adapter, report, episodes=6):
    for case in read("random_baselines.json")["cases"]:
        got = np.array(adapter.random_return(case["domain"], case["task"], case["level"], episodes))
        mean, variance = case["ret_mean"], case["ret_sd"] ** 2
        error = np.sqrt(variance / case["episodes"] + got.var() / episodes) + 0.02 * abs(mean) + 0.5
        message = f"{case['domain']} {case['level']}: {got.mean():.1f} instead of {mean:.1f}"
        report.same("random policy returns", abs(got.mean() - mean) < 5 * error, message)


CHECKS = {name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")}
SLOW = ("random_return",)


def read(name):
    return json.loads((HERE / name).read_text())


def arrays(name):
    with np.load(HERE / name) as file:
        return dict(file)


def load_adapter(path):
    """Returns the adapter that the file at `path` defines; it may import what stands beside it."""
    sys.path.insert(0, str(Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location("adapter", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Adapter()


def _options(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--only", nargs="*", choices=CHECKS)
    parser.add_argument("--rtol", type=float, default=1e-7)
    parser.add_argument("--atol", type=float, default=1e-7)
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(bool(main()))
