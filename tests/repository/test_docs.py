"""Documentation names files, modules and sections that exist, and quotes messages that programs print."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CHANGELOG.md"]
SHORTEST = 10  # characters: shorter fixed parts of a message are not searched
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page):
    """Returns the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def message_parts():
    """Returns every string in the code; f-strings are split at their expressions."""
    folders = (path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))  # no .venv, .venv-3.13
    files = [*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))]
    trees = (ast.parse(path.read_text()) for path in files)
    return {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)} - {None}


@every_page
def test_files_that_a_page_names_exist(page):
    named = re.findall(r"\b(?:[a-z_0-9]+/)+[a-z_0-9]+\.py\b", page.read_text())
    assert [path for path in named if not (ROOT / path).is_file()] == []


@every_page
def test_modules_that_a_page_runs_exist(page):
    modules = set(re.findall(r"python -m ([a-z_.0-9]+)", page.read_text()))
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


@every_page
def test_links_lead_somewhere(page):
    for path, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^):]+)\)", page.read_text())):
        target = page.parent / path if path else page
        assert target.exists() and (not anchor or anchor in anchors(target)), f"{path}#{anchor}"


@pytest.mark.parametrize("name", ["challenges", "environments", "hands"])
def test_programs_of_a_page_run_one_after_the_other(name):
    programs = re.findall(r"```python\n(.*?)```", (ROOT / f"docs/{name}.md").read_text(), re.DOTALL)
    assert programs
    page = "\n".join(["import gymnasium", "import numpy as np", *programs])
    done = subprocess.run([sys.executable, "-W", "error", "-c", page], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_messages_of_the_troubleshooting_page_are_those_of_the_programs():
    rows = re.findall(r"^\| `(.*?)` \|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    fixed = [part.strip() for row in rows for part in row.split("...") if len(part.strip()) >= SHORTEST]
    strings = [text for text in message_parts() if isinstance(text, str)]
    assert len(fixed) >= 12
    assert [part for part in fixed if not any(part in text for text in strings)] == []


def test_modules_that_moved_are_where_the_changelog_says():
    rows = re.findall(r"^\| `.*? \| (.*) \|$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    modules = [name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)]
    assert len(modules) > 30 and [name for name in modules if importlib.util.find_spec(name) is None] == []
