"""The comparisons of check_golden.py, one function for each of an adapter's methods: it calls that and tells a report."""

import json
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
