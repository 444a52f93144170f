"""Writes the generated parts of docs/environments.md: `python -m evaluation.environments_page`.

The page is text with generated blocks: an overview, and one block for each registered id. A block stands between the lines
`<!-- generated: NAME -->` and `<!-- end -->`. Run the program and commit the page after a change of ids, observation rows,
reward weights or perturbations. A new id gets a new section at the end of the page.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, is_dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import dedent, fill

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Dict

import envs  # noqa: F401
from utils.console.arguments import parse_arguments
from utils.console.terminal import tolerant_output
from utils.files import write_aside
from utils.observation import ObservationTable
from utils.perturbation import Perturbable

PAGE = Path(__file__).parents[1] / "docs" / "environments.md"
BLOCK = re.compile(r"<!-- generated: (\S+) -->\n(.*?)<!-- end -->\n", re.DOTALL)


@dataclass(frozen=True)
class PageConfig:
    """No options."""


@tolerant_output()
def main(argv: list[str] | None = None) -> int:
    """Replaces the generated blocks of the page; returns the exit code."""
    parse_arguments(PageConfig, argv, about=__doc__)
    text = with_blocks(PAGE.read_text(), blocks())
    write_aside(PAGE, lambda aside: aside.write_text(text))
    print(PAGE)
    return 0


def with_blocks(page: str, generated: Mapping[str, str]) -> str:
    """Returns a page with new content in its blocks, and with a new section for every missing block.

    Raises:
        ValueError: the page has a block for which there is no new content.
    """
    existing = {name for name, _ in BLOCK.findall(page)}
    if gone := existing - generated.keys():
        raise ValueError(f"the page has blocks that nothing generates: {', '.join(sorted(gone))}; delete these sections")
    for name in (name for name in generated if name not in existing):
        page += f"\n### {name}\n\n<!-- generated: {name} -->\n<!-- end -->\n"
    return BLOCK.sub(lambda found: f"<!-- generated: {found[1]} -->\n{generated[found[1]]}<!-- end -->\n", page)


def blocks() -> dict[str, str]:
    """Returns the generated text of every block: `overview`, and one for each registered id."""
    overview, sections, shown = [], {}, {}
    for env_id in registered():
        with closing(gym.make(env_id)) as env:
            env.reset(seed=0)
            *_, info = env.step(np.zeros(env.action_space.shape, np.float32))
            terms = [*info["reward_terms"]]
            overview.append(_overview(env_id, env, terms))
            parts = [*_actions(env), *_observations(env), _rewards(env, terms), _perturbations(env.unwrapped.perturbations)]
        sections[env_id] = "\n\n".join(_once(part, env_id, shown) for part in parts) + "\n"
    head = ("id", "observation", "action", "control step", "episode", "reward terms")
    return {"overview": table(head, overview) + "\n", **sections}


def registered() -> list[str]:
    """Returns the ids that `import envs` registers, in the order of their registration."""
    return [name for name, spec in [*gym.registry.items()] if str(spec.entry_point).startswith("envs.")]


def table(head: Iterable[str], lines: Iterable[Iterable]) -> str:
    """Returns a Markdown table."""
    head = [*head]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (head, ["---"] * len(head), *lines))


def field_docs(config: type) -> dict[str, str]:
    """Returns the docstring below each field of a dataclass, by the name of the field."""
    docs = {}
    for part in reversed([cls for cls in config.__mro__ if is_dataclass(cls)]):
        found = [(a.target.id, b.value.value) for a, b in pairwise(_statements(part)) if _is_documented(a, b)]
        docs |= {name: " ".join(text.split()) for name, text in found}
    return docs


def _statements(cls):
    try:
        return ast.parse(dedent(inspect.getsource(cls))).body[0].body
    except (OSError, TypeError):  # a class of make_dataclass has no source
        return []


def _is_documented(statement, following):
    value = getattr(following, "value", None)
    return isinstance(statement, ast.AnnAssign) and isinstance(value, ast.Constant) and isinstance(value.value, str)


def _overview(env_id, env, terms):
    steps, dt = env.spec.max_episode_steps, env.unwrapped.control_dt
    size = gym.spaces.flatdim(env.observation_space)
    episode = f"{steps:,} steps ({steps * dt:g} s)"
    return f"[`{env_id}`](#{env_id.lower()})", size, _bounds(env.action_space), f"{1000 * dt:g} ms", episode, names(terms)


def _bounds(space: Box):
    low, high = np.unique(space.low), np.unique(space.high)
    bounds = f"{low[0]:g} to {high[0]:g}" if len(low) == len(high) == 1 else "in the ranges of the actuators"
    return f"{space.shape[0]}, {bounds}"


def _actions(env):
    """Returns a section with the names of the actions; no section if neither task nor model has names."""
    base = env.unwrapped
    if hasattr(getattr(base, "task", None), "describe"):
        actions = base.task.describe()["action"]
    elif hasattr(base, "model"):
        actions = [base.model.actuator(i).name for i in range(base.model.nu)]
    else:
        return []
    return [f"**Actions**\n\n{fill(names(actions), 120, break_on_hyphens=False)}"]


def _observations(env):
    """Returns a section with the rows of the observation, and one with those of the privileged observation, if any."""
    base = env.unwrapped
    source = getattr(base, "task", base)
    if isinstance(base.observation_space, Dict):
        blocks = ((f"`{name}`", space.shape[0]) for name, space in base.observation_space.items())
        return [f"**Observation**\n\n{table(('block', 'size'), blocks)}"]
    found = {"Observation": source.observation, "Privileged observation": getattr(source, "privileged", None)}
    return [f"**{name}**\n\n{rows.markdown()}" for name, rows in found.items() if isinstance(rows, ObservationTable)]


def _rewards(env, terms):
    weights = getattr(getattr(env.unwrapped, "config", None), "weights", None)
    if weights is None:
        return f"**Reward terms**: {names(terms)}."
    docs = field_docs(type(weights))
    lines = ((f"`{name}`", f"{weight:g}", docs.get(name, "")) for name, weight in asdict(weights).items())
    return f"**Reward terms**\n\n{table(('term', 'default weight', 'meaning'), lines)}"


def _perturbations(perturbations: Mapping[str, Perturbable]):
    lines = (
        (f"`{name}`", f"{p.nominal:g}", f"{p.low:g} to {p.high:g}", f"{p.lowest:g} to {p.highest:g}")
        for name, p in perturbations.items()
    )
    return f"**Perturbations**\n\n{table(('parameter', 'nominal', 'usual range', 'bounds'), lines)}"


def names(words: Iterable[str]) -> str:
    """Returns names as code, separated by commas."""
    return ", ".join(f"`{word}`" for word in words)


def _once(part: str, env_id: str, shown: dict[str, str]) -> str:
    """Returns a part the first time it occurs; later a reference to the section of the id where it occurred."""
    title, *rest = part.split("\n\n", 1)
    first = shown.setdefault(part, env_id)
    return part if first == env_id or not rest else f"{title}: as [`{first}`](#{first.lower()})."


if __name__ == "__main__":
    sys.exit(main())
