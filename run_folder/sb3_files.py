"""Stable-Baselines3's own files: `python -m run_folder.sb3_files MODEL.zip OUT --trust-pickle` makes a run of them.

Statistics of the observations are read from vecnormalize.pkl beside the .zip, or the normalizer.npz that this project once
wrote; without them the policy takes observations as they are. A config.yaml there is taken over. Both .zip and .pkl are
pickles: loading them can run whatever code their author put in.
"""

import argparse
import pickle
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.learners import LEARNERS, kind_of
from algorithms.vec_env import BatchVecEnv, make_vector
from run_folder.action_spaces import check_spaces, described, one_line
from run_folder.observations import parts, set_statistics, split
from run_folder.policy import FORMAT, read_policy, write_policy
from run_folder.records import CONFIG, ENV
from run_folder.runs import CARD, Run
from utils.config import as_plain, read_yaml
from utils.console.outputs import MARK, check_new_run
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID, qualified, registered
from utils.files import read_arrays, reading, write_aside, write_json
from utils.paths import with_home
from utils.plain_yaml import dump_yaml, parse_mapping

MODEL, PICKLED, ARRAYS = "model.zip", "vecnormalize.pkl", "normalizer.npz"
LARGEST = 1_000_000_000  # bytes that a .zip may unpack to
TRUST = (
    "an SB3 .zip is a pickle, and loading it can run any code that its author put in: if you trust it, add --trust-pickle"
)
# A replay buffer takes memory, that of hindsight an environment too, and a policy needs neither.
NO_REPLAY = {"buffer_size": 1, "replay_buffer_class": None, "replay_buffer_kwargs": {}}


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Imports what the command line says; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="SB3's .zip")
    parser.add_argument("out", type=Path, help="run folder to make")
    parser.add_argument("--trust-pickle", action="store_true", help="load it although it can run code")
    parser.add_argument("--algo", choices=[*LEARNERS], default="ppo", help="the algorithm that trained it")
    parser.add_argument("--env-id", "--env", help=f"what it was trained on; as config.yaml beside it says, or {DEFAULT_ID}")
    parser.add_argument("--env-kwargs", type=parse_mapping, help="arguments of the environment, as '{g: 5.0}'")
    parser.add_argument("--vecnormalize", type=Path, help=f"VecNormalize's pickle; {PICKLED} beside the .zip if not given")
    args = parser.parse_args(with_home(argv))
    try:
        if not args.trust_pickle:
            raise ValueError(TRUST)
        import_sb3(args.model, args.out, args.algo, args.env_id, args.env_kwargs, args.vecnormalize)
    except (ValueError, OSError) as error:
        print(f"sb3_files: {error}", file=sys.stderr)
        return 2
    print(f"{args.model} is now the run {args.out}")
    return 0


def import_sb3(
    model: Path,
    out: Path,
    algo: str = "ppo",
    env_id: str | None = None,
    env_kwargs: Mapping | None = None,
    vecnormalize: Path | None = None,
) -> None:
    """Makes a run folder `out` from SB3's .zip and the statistics beside it. Runs code that is in these files.

    Without statistics the policy takes observations as they are. A config.yaml beside the .zip names environment and
    arguments, unless these are given.

    Raises:
        ValueError: a file cannot be read, the policy is none that a run can hold, does not fit the environment, or there is
            a run in `out` already.
    """
    check_new_run(out)
    learner = _learner(model, algo)
    record = read_yaml(model.parent / CONFIG) if (model.parent / CONFIG).is_file() else {}
    config = {"env_id": DEFAULT_ID, "algo": algo} | record.get("config", {}) | ({"env_id": env_id} if env_id else {})
    kwargs = _arguments(config) if env_kwargs is None else dict(env_kwargs)
    if env_kwargs is not None:
        config = {name: value for name, value in config.items() if name != "env"} | {"env_kwargs": kwargs}
    _check_environment(learner, algo, config["env_id"], kwargs)
    statistics = _statistics(model.parent, vecnormalize, learner.observation_space)
    _check_copy(learner, statistics)
    write_policy(out, learner, statistics)
    write_json(out / ENV, {"id": config["env_id"], "kwargs": as_plain(kwargs)})
    kept = dump_yaml({"format": FORMAT} | record | {"config": as_plain(config) | {"run_dir": None}})
    write_aside(out / CONFIG, lambda aside: aside.write_text(kept))
    if (model.parent / CARD).is_file():
        write_aside(out / CARD, lambda aside: aside.write_bytes((model.parent / CARD).read_bytes()))


def _learner(model, algo):
    with reading(model):
        unpacked = sum(entry.file_size for entry in zipfile.ZipFile(model).infolist())
        if unpacked > LARGEST:
            raise ValueError(f"it would unpack to {unpacked:,} bytes, over the limit of {LARGEST:,}")
        learner = LEARNERS[algo].policy.stock.load(model, device="cpu", custom_objects=NO_REPLAY)
        check_spaces(learner.observation_space, learner.action_space, algo)
        return learner


def _arguments(config):
    """Returns the arguments of the environment that a training's config, as plain data, was for."""
    task = {"config": config["env"]} if config.get("env") else {}
    steps = config.get("episode_steps")
    return task | config.get("env_kwargs", {}) | ({} if steps is None else {"max_episode_steps": steps})


def _check_environment(learner, algo, env_id, kwargs):
    """Raises ValueError if the environment cannot be made, or has other spaces than the policy."""
    registered(env_id)
    try:
        env = make_vector(qualified(env_id), 1, **kwargs)
    except Exception as error:  # whatever an environment says to wrong arguments
        raise ValueError(f"{env_id} refuses {kwargs}: {(str(error) or type(error).__name__).splitlines()[0]}") from error
    found = env.single_observation_space, env.single_action_space
    env.close()
    check_spaces(*found, algo)
    for own, other, name in zip((learner.observation_space, learner.action_space), found, ("observations", "actions")):
        kind = _sizes if name == "observations" else described
        if kind(own) != kind(other):
            raise ValueError(f"the policy has {name} {one_line(own)}, {env_id} has {one_line(other)}: give --env-id")


def _sizes(space):
    """Returns the size of an observation, or the sizes of its parts by name in the order of the policy's vector."""
    return [*parts(space).items()] or space.shape[0]


def _check_copy(learner, statistics):
    """Raises ValueError if the policy, written and read again, acts differently: parts of it cannot be written."""
    rows = np.random.default_rng(0).normal(0, 3, (100, _size(learner.observation_space))).astype(np.float32)
    with TemporaryDirectory() as folder:
        write_policy(Path(folder), learner, statistics)
        copy, _ = read_policy(Path(folder))
    wanted = learner.policy.predict(split(rows, parts(learner.observation_space)), deterministic=True)[0]
    given = copy.predict(rows, deterministic=True)[0]
    if not np.array_equal(wanted, given):
        raise ValueError("the policy has parts of its own that a run does not hold, and would act differently")


def export_sb3(run: Run, out: Path) -> None:
    """Writes a policy as SB3's own files, model.zip of SB3's own class and vecnormalize.pkl, into the folder `out`."""
    env = VecNormalize(BatchVecEnv(run.make_env(1)))
    policy = {"net_arch": run.policy.net_arch, "activation_fn": run.policy.activation_fn}
    kind = "MultiInputPolicy" if parts(env.observation_space) else "MlpPolicy"
    learner = kind_of(run.policy).stock(kind, env, policy_kwargs=policy, device="cpu")
    learner.policy.load_state_dict(run.policy.state_dict())
    held = run.normalizer
    set_statistics(env, held.mean, held.var, held.count)
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


def _statistics(folder, vecnormalize, space):
    """Returns what `write_policy` needs of a VecNormalize; one that changes nothing if there is none."""
    pickled = vecnormalize or folder / PICKLED
    if vecnormalize is not None or pickled.is_file():
        with reading(pickled):
            statistics = pickle.loads(pickled.read_bytes())
            _check_normalised(statistics, parts(space))
            return statistics if statistics.norm_obs else _unchanged(space)
    if not (folder / ARRAYS).is_file():
        print(f"{folder} holds no {PICKLED}: the policy takes observations as they are", file=sys.stderr)
        return _unchanged(space)
    numbers = read_arrays(folder / ARRAYS)
    rms = SimpleNamespace(**{name: numbers[name] for name in ("mean", "var", "count")})
    return SimpleNamespace(obs_rms=rms, clip_obs=float(numbers["clip"]), epsilon=float(numbers["eps"]))


def _check_normalised(statistics, sizes):
    """Raises ValueError if parts of a dictionary observation are normalised and others are not."""
    if statistics.norm_obs and sizes and (left := sizes.keys() - statistics.obs_rms.keys()):
        raise ValueError(f"it leaves {', '.join(sorted(left))} as it is (norm_obs_keys), and a run normalises every part")


def _size(space):
    return sum(parts(space).values()) or space.shape[0]


def _unchanged(space):
    """Returns statistics that leave observations as they are: mean 0, variance 1, no clipping below the largest float32."""
    rms = SimpleNamespace(mean=np.zeros(_size(space)), var=np.ones(_size(space)), count=1.0)
    return SimpleNamespace(obs_rms=rms, clip_obs=float(np.finfo(np.float32).max), epsilon=0.0)


if __name__ == "__main__":
    sys.exit(main())
