"""Stable-Baselines3's own files: `python -m utils.sb3_files MODEL.zip OUT --trust-pickle` makes a run of them.

Beside the .zip must lie its observations' statistics: vecnormalize.pkl, or the normalizer.npz that this project once wrote.
A config.yaml there is taken over. Both .zip and .pkl are pickles: loading them can run whatever code their author put in.
"""

import argparse
import pickle
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import VecNormalize

from utils.config import read_yaml
from utils.files import read_arrays, reading, write_aside, write_json
from utils.outputs import MARK, check_new_run
from utils.plain_yaml import dump_yaml
from utils.run_files.policy import FORMAT, write_policy
from utils.run_files.records import CONFIG, DEFAULT_ID, ENV
from utils.runs import CARD, Run
from utils.terminal import tolerant_output
from utils.vec_env import BatchVecEnv

MODEL, PICKLED, ARRAYS = "model.zip", "vecnormalize.pkl", "normalizer.npz"
LARGEST = 1_000_000_000  # bytes that a .zip may unpack to
TRUST = (
    "an SB3 .zip is a pickle, and loading it can run any code that its author put in: if you trust it, add --trust-pickle"
)
_ALGORITHMS = {"ppo": PPO, "sac": SAC}


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Imports what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="SB3's .zip")
    parser.add_argument("out", type=Path, help="run folder to make")
    parser.add_argument("--trust-pickle", action="store_true", help="load it although it can run code")
    parser.add_argument("--algo", choices=[*_ALGORITHMS], default="ppo", help="what trained it")
    parser.add_argument("--env-id", default=DEFAULT_ID, help="what it was trained on, where no config.yaml says so")
    args = parser.parse_args(argv)
    try:
        if not args.trust_pickle:
            raise ValueError(TRUST)
        import_sb3(args.model, args.out, args.algo, args.env_id)
    except (ValueError, OSError) as error:
        print(f"sb3_files: {error}", file=sys.stderr)
        return 2
    print(f"{args.model} is now the run {args.out}")
    return 0


def import_sb3(model: Path, out: Path, algo: str = "ppo", env_id: str = DEFAULT_ID) -> None:
    """Makes a run folder `out` from SB3's .zip and the statistics beside it. Runs code that is in these files.

    Raises:
        ValueError: a file is missing or cannot be read, or there is a run in `out` already.
    """
    check_new_run(out)
    with reading(model):
        unpacked = sum(entry.file_size for entry in zipfile.ZipFile(model).infolist())
        if unpacked > LARGEST:
            raise ValueError(f"it would unpack to {unpacked:,} bytes, over the limit of {LARGEST:,}")
        learner = _ALGORITHMS[algo].load(model, device="cpu")
    statistics = _statistics(model.parent)
    record = read_yaml(model.parent / CONFIG) if (model.parent / CONFIG).is_file() else {"config": {"env_id": env_id}}
    config = record["config"]
    write_policy(out, learner, statistics)
    write_json(out / ENV, {"id": config.get("env_id", env_id), "kwargs": {"config": config.get("env", {})}})
    kept = dump_yaml({"format": FORMAT} | record | {"config": config | {"run_dir": None}})
    write_aside(out / CONFIG, lambda aside: aside.write_text(kept))
    if (model.parent / CARD).is_file():
        write_aside(out / CARD, lambda aside: aside.write_bytes((model.parent / CARD).read_bytes()))


def export_sb3(run: Run, out: Path) -> None:
    """Writes a policy as SB3's own files: model.zip, of PPO or SAC, and vecnormalize.pkl, into the folder `out`."""
    algorithm = SAC if type(run.policy).__name__ == "SACPolicy" else PPO
    env = VecNormalize(BatchVecEnv(run.make_env(1)))
    policy = {"net_arch": run.policy.net_arch, "activation_fn": run.policy.activation_fn}
    learner = algorithm("MlpPolicy", env, policy_kwargs=policy, device="cpu")
    learner.policy.load_state_dict(run.policy.state_dict())
    held = run.normalizer
    env.obs_rms.mean, env.obs_rms.var, env.obs_rms.count = held.mean, held.var, held.count
    env.clip_obs, env.epsilon = held.clip, held.eps
    out.mkdir(parents=True, exist_ok=True)
    write_aside(out / MODEL, lambda aside: _save_marked(learner, aside))
    write_aside(out / PICKLED, lambda aside: env.save(str(aside)))
    env.close()


def _save_marked(learner, path):
    """Saves a learner with a comment in the archive by which `export_policy` recognises its earlier output."""
    learner.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = f"{MARK} sb3".encode()


def _statistics(folder):
    """Returns what `write_policy` needs of a VecNormalize."""
    if (folder / PICKLED).is_file():
        with reading(folder / PICKLED):
            return pickle.loads((folder / PICKLED).read_bytes())
    if not (folder / ARRAYS).is_file():
        raise ValueError(f"{folder} holds neither {PICKLED} nor {ARRAYS}: a policy is nothing without its statistics")
    numbers = read_arrays(folder / ARRAYS)
    rms = SimpleNamespace(**{name: numbers[name] for name in ("mean", "var", "count")})
    return SimpleNamespace(obs_rms=rms, clip_obs=float(numbers["clip"]), epsilon=float(numbers["eps"]))


if __name__ == "__main__":
    sys.exit(main())
