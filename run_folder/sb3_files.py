"""Imports and exports the files of Stable-Baselines3: `python -m run_folder.sb3_files MODEL.zip OUT --trust-pickle`.

The import makes a run folder. It reads the statistics of the observations from vecnormalize.pkl beside the .zip, or from
normalizer.npz, which earlier versions of this project wrote; without them the policy receives raw observations. It copies
config.yaml from beside the .zip. Both .zip and .pkl are pickles: loading them can run any code that their author put in.
"""

import pickle
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Annotated, Literal

import numpy as np
import tyro
from stable_baselines3.common.vec_env import VecNormalize

from algorithms.learners import LEARNERS, kind_of
from algorithms.reader_shape import ReaderShape
from algorithms.vec_env import BatchVecEnv, make_vector
from run_folder.action_spaces import check_spaces, described, one_line
from run_folder.observations import parts, set_statistics, split
from run_folder.policy import FORMAT, read_policy, write_policy
from run_folder.records import CONFIG, ENV, read_record_file, recorded_option
from run_folder.runs import CARD, Run
from utils.config import as_plain
from utils.console.arguments import YAML_MAPPING, parse_arguments
from utils.console.outputs import MARK, check_new_run
from utils.console.terminal import tolerant_output
from utils.env_ids import DEFAULT_ID, qualified, registered
from utils.fields import Checked, fitting
from utils.files import read_arrays, reading, write_aside, write_json
from utils.paths import with_home
from utils.plain_yaml import dump_yaml

MODEL, PICKLED, ARRAYS = "model.zip", "vecnormalize.pkl", "normalizer.npz"
LARGEST = 1_000_000_000  # bytes that a .zip may unpack to
TRUST = (
    "an SB3 .zip is a pickle, and loading it can run any code that its author put in: if you trust it, add --trust-pickle"
)
# The policy needs no replay buffer: a buffer takes memory, and one of hindsight experience replay needs an environment.
NO_REPLAY = {"buffer_size": 1, "replay_buffer_class": None, "replay_buffer_kwargs": {}}


@dataclass(frozen=True, kw_only=True)
class ImportConfig(Checked):
    """The files of Stable-Baselines3 to import, and the run folder to make."""

    model: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="MODEL")]]
    """The .zip file of Stable-Baselines3."""
    out: tyro.conf.Positional[Annotated[Path, tyro.conf.arg(metavar="OUT")]]
    """Run folder to make."""
    trust_pickle: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Load the files although they can run code."""
    algo: Literal[*LEARNERS] = "ppo"
    """Algorithm that trained the policy."""
    env_id: Annotated[str | None, tyro.conf.arg(aliases=["--env"])] = None
    """Id of the environment; the default is the id in config.yaml beside MODEL, or else ResidualWalk-v0."""
    env_kwargs: Annotated[dict | None, YAML_MAPPING] = None
    """Arguments of the environment, as '{g: 5.0}'; the default is those in config.yaml beside MODEL."""
    vecnormalize: Path | None = None
    """Pickle of VecNormalize; the default is vecnormalize.pkl beside MODEL."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Imports the files on the command line; returns the exit code."""
    config = parse_arguments(ImportConfig, with_home(argv), about=__doc__)
    try:
        if not config.trust_pickle:
            raise ValueError(TRUST)
        import_sb3(config.model, config.out, config.algo, config.env_id, config.env_kwargs, config.vecnormalize)
    except (ValueError, OSError) as error:
        print(f"sb3_files: {error}", file=sys.stderr)
        return 2
    print(f"Imported {config.model} as the run {config.out}")
    return 0


def import_sb3(
    model: Path,
    out: Path,
    algo: str = "ppo",
    env_id: str | None = None,
    env_kwargs: Mapping | None = None,
    vecnormalize: Path | None = None,
) -> None:
    """Makes a run folder `out` from the .zip of SB3 and the statistics beside it. Runs any code in these files.

    Without statistics the policy receives raw observations. `env_id` and `env_kwargs` replace the environment and the
    arguments in the config.yaml beside the .zip.

    Raises:
        ValueError: a file cannot be read, a run cannot contain such a policy, the policy does not fit the environment, or
            `out` contains a run already.
    """
    check_new_run(out)
    learner = _learner(model, algo)
    record = read_record_file(model.parent / CONFIG) if (model.parent / CONFIG).is_file() else {}
    config = {"env_id": DEFAULT_ID, "algo": algo} | record.get("config", {}) | ({"env_id": env_id} if env_id else {})
    fitting(config["env_id"], str, "env_id")
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
    """Returns the arguments of the environment in the config of a training, which is plain data."""
    task = {"config": config["env"]} if config.get("env") else {}
    steps = config.get("episode_steps")
    kwargs = fitting(config.get("env_kwargs", {}), dict, "env_kwargs")
    return task | kwargs | ({} if steps is None else {"max_episode_steps": steps})


def _check_environment(learner, algo, env_id, kwargs):
    """Raises ValueError if the environment cannot be made, or if its spaces differ from those of the policy."""
    registered(env_id)
    try:
        env = make_vector(qualified(env_id), 1, **kwargs)
    except Exception as error:  # an environment may raise any error for wrong arguments
        raise ValueError(f"{env_id} refuses {kwargs}: {(str(error) or type(error).__name__).splitlines()[0]}") from error
    found = env.single_observation_space, env.single_action_space
    env.close()
    check_spaces(*found, algo)
    wanted = learner.observation_space, learner.action_space
    for space, env_space, name in zip(wanted, found, ("observations", "actions")):
        summary = _sizes if name == "observations" else described
        if summary(space) != summary(env_space):
            raise ValueError(f"the policy has {name} {one_line(space)}, {env_id} has {one_line(env_space)}: give --env-id")


def _sizes(space):
    """Returns the size of an observation, or the name and size of each part of a dictionary observation, in order."""
    return [*parts(space).items()] or space.shape[0]


def _check_copy(learner, statistics):
    """Raises ValueError if the policy acts differently after it was written and read again."""
    rows = np.random.default_rng(0).normal(0, 3, (100, _size(learner.observation_space))).astype(np.float32)
    with TemporaryDirectory() as folder:
        write_policy(Path(folder), learner, statistics)
        copy, _ = read_policy(Path(folder))
    wanted = learner.policy.predict(split(rows, parts(learner.observation_space)), deterministic=True)[0]
    given = copy.predict(rows, deterministic=True)[0]
    if not np.array_equal(wanted, given):
        raise ValueError("the policy has parts that a run cannot store: it would act differently")


def export_sb3(run: Run, out: Path) -> None:
    """Writes a policy as files of SB3 into the folder `out`: model.zip, of SB3's class, and vecnormalize.pkl.

    Raises:
        ValueError: SB3 has no class for the policy, because it reads its history through networks.
    """
    if not getattr(run.policy, "shape", ReaderShape()).plain:
        raise ValueError("SB3 has no policies with an encoder or an estimator: export ONNX or TorchScript")
    if squashed := recorded_option(run.folder, "log_std_range"):
        print(f"SB3's files lack the log_std_range {squashed} of the training: random actions will differ", file=sys.stderr)
    env = VecNormalize(BatchVecEnv(run.make_env(1)))
    policy = {"net_arch": run.policy.net_arch, "activation_fn": run.policy.activation_fn}
    kind = "MultiInputPolicy" if parts(env.observation_space) else "MlpPolicy"
    learner = kind_of(run.policy).stock(kind, env, policy_kwargs=policy, device="cpu")
    learner.policy.load_state_dict(run.policy.state_dict())
    normalizer = run.normalizer
    set_statistics(env, normalizer.mean, normalizer.var, normalizer.count)
    env.clip_obs, env.epsilon = normalizer.clip, normalizer.eps
    out.mkdir(parents=True, exist_ok=True)
    write_aside(out / MODEL, lambda aside: _save_marked(learner, aside))
    write_aside(out / PICKLED, lambda aside: env.save(str(aside)))
    env.close()


def _save_marked(learner, path):
    """Saves a learner, with a comment in the archive by which `export_policy` recognises its earlier output."""
    learner.save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = f"{MARK} sb3".encode()


def _statistics(folder, vecnormalize, space):
    """Reads the statistics that `write_policy` needs; without a file returns statistics that change no observation."""
    pickled = vecnormalize or folder / PICKLED
    if vecnormalize is not None or pickled.is_file():
        with reading(pickled):
            statistics = pickle.loads(pickled.read_bytes())
            _check_normalised(statistics, parts(space))
            return statistics if statistics.norm_obs else _unchanged(space)
    if not (folder / ARRAYS).is_file():
        print(f"{folder} contains no {PICKLED}: the policy receives raw observations", file=sys.stderr)
        return _unchanged(space)
    numbers = read_arrays(folder / ARRAYS)
    with reading(folder / ARRAYS):
        rms = SimpleNamespace(**{name: numbers[name] for name in ("mean", "var", "count")})
        return SimpleNamespace(obs_rms=rms, clip_obs=float(numbers["clip"]), epsilon=float(numbers["eps"]))


def _check_normalised(statistics, sizes):
    """Raises ValueError if only some parts of a dictionary observation are normalised."""
    if statistics.norm_obs and sizes and (left := sizes.keys() - statistics.obs_rms.keys()):
        parts_left = ", ".join(sorted(left))
        raise ValueError(f"it does not normalise {parts_left} (norm_obs_keys), but a run normalises every part")


def _size(space):
    return sum(parts(space).values()) or space.shape[0]


def _unchanged(space):
    """Returns statistics that change no observation: mean 0, variance 1, clipping at the largest float32."""
    rms = SimpleNamespace(mean=np.zeros(_size(space)), var=np.ones(_size(space)), count=1.0)
    return SimpleNamespace(obs_rms=rms, clip_obs=float(np.finfo(np.float32).max), epsilon=0.0)


if __name__ == "__main__":
    sys.exit(main())
