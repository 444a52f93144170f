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
import sys
import traceback
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from golden_checks import CHECKS, SLOW

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
