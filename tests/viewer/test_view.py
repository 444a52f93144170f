"""The programs `view.py` and `play_residual_policy.py --web`: what they show, and one sentence for every wrong input."""

import json
import shutil
import signal
from types import SimpleNamespace

import pytest

import play_residual_policy
import view
from evaluation.held_out_seeds import PLAY
from run_folder.records import read_run_config
from run_folder.runs import load_run
from viewer.commands import Push
from viewer.policies import SHIPPED, shipped_folder
from viewer.recording import write_recording
from viewer.session import Session, Setup
from viewer.worlds import Tile, World

WALKER = str(SHIPPED / "ResidualWalk-v0")


@pytest.fixture
def shown(monkeypatch):
    """Replaces the page of both programs; returns the arguments that it would have got."""
    calls = []
    for program in (view, play_residual_policy):
        monkeypatch.setattr(program, "show", lambda *arguments: calls.append(arguments))
    return calls


def test_the_default_is_the_shipped_quadruped_on_rough_ground(shown):
    assert view.main([]) == 0
    setup = shown[0][0]
    assert (setup.env_id, setup.policy, setup.kind, setup.level) == ("ResidualWalk-v0", "shipped", "rough", 0.5)
    assert setup.ground_seed == PLAY.at(0)


@pytest.mark.parametrize("env_id", ["ResidualWalk-v0", "AdaptiveWalk-v0", "Biped-v0", "A1-v0", "CubeInHand-v0"])
def test_a_shipped_policy_acts_in_the_environment_of_its_training(shown, env_id):
    assert view.main([env_id]) == 0
    setup, trained = shown[0][0], load_run(shipped_folder(env_id)).make_env(1)
    session = Session(setup)
    session.step()
    session.close()
    assert setup.policy == "shipped" and session.observation.shape == trained.observation_space.shape
    shown_task, trained_task = (env.unwrapped.config for env in (session.env, trained))
    names = {"residual_scale", "gait", "task_name", "action_scale", "target_angle"} & vars(trained_task).keys()
    assert names and {name: getattr(shown_task, name) for name in names} == {
        name: getattr(trained_task, name) for name in names
    }
    trained.close()


def test_a_second_policy_of_another_environment_is_noted(shown, capsys):
    models = [str(SHIPPED / name) for name in ("A1-v0", "A1-v0-reset")]
    assert view.main(["--model", *models]) == 0
    said = capsys.readouterr().err
    assert f"note: {models[1]} was trained with other values of " in said and "task_name" in said
    assert view.main(["--model", WALKER, WALKER]) == 0 and capsys.readouterr().err == ""


@pytest.mark.parametrize("env_id", ["RealAnt-v0", "CubeInHand-v0"])
def test_worlds_differ_in_both_directions_and_not_by_their_weights(env_id):
    plain, noisy, other = (
        World(env_id, arguments, "", Tile())
        for arguments in ({}, {"noise_spec": {"enable": True}}, {"config": {"weights": {"progress": 0.5}}})
    )
    assert plain.differences(noisy) == noisy.differences(plain) == ["noise_spec"] and plain.differences(plain) == []
    assert env_id != "RealAnt-v0" or plain.differences(other) == []


def test_ctrl_c_during_a_check_says_nothing_about_the_numbers(tmp_path, monkeypatch, capsys):
    session = Session(Setup("ResidualWalk-v0", {}, kind="flat", policy="random"))
    file = write_recording(tmp_path / "session.json", session)
    session.close()
    monkeypatch.setattr(view, "replayed", lambda recording: signal.raise_signal(signal.SIGINT))
    assert view.main(["--replay", str(file), "--check"]) == 130
    assert capsys.readouterr() == ("", "view: interrupted\n")


def test_a_model_gives_its_environment_and_two_models_stand_side_by_side(shown, tmp_path):
    other = shutil.copytree(WALKER, tmp_path / "other")
    assert view.main(["--model", WALKER, str(other), "--terrain", "stairs", "--level", "0.7", "--seed", "3"]) == 0
    setup, _, runs, *_ = shown[0]
    assert (setup.policy, setup.second, setup.groups) == (WALKER, str(other), 2) and len(runs) == 2
    assert setup.arguments["config"]["terrain"]["seed"] == read_run_config(SHIPPED / "ResidualWalk-v0")[
        "seed"
    ] and setup.world.config.terrain.kinds == ("stairs",)


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (["--policy", "gait alone"], "rough"),
        (["--env-kwargs", "{terrain: {kinds: [waves, slope]}}"], "waves"),
        (["RealAnt-v0"], "flat"),
        (["--model", WALKER], "rough"),
        (["Toy-v0"], "rough"),  # it has no effect there
    ],
)
def test_without_a_choice_the_ground_is_that_of_the_training_or_of_the_environment(shown, argv, kind):
    assert view.main(argv) == 0
    assert shown[0][0].kind == kind


def test_play_opens_the_page_with_its_scene_and_command(shown):
    command = "--baseline --web --terrain waves --level 0.4 --command 0.2 --command-yaw-rate 0.3 --seed 5 --port 8123"
    assert play_residual_policy.main(command.split()) == 0
    setup, port, runs = shown[0]
    assert (setup.policy, setup.kind, setup.level, setup.seed) == ("gait alone", "waves", 0.4, 5)
    assert setup.ground_seed == PLAY.at(5)
    assert setup.command == {"vx": 0.2, "vy": 0.0, "yaw_rate": 0.3} and (port, runs) == (8123, ())


@pytest.mark.parametrize(("argv", "page"), [([], True), (["--episodes", "1"], False), (["--no-render"], False)])
def test_play_opens_the_page_by_itself_in_a_terminal_without_a_display(shown, monkeypatch, argv, page):
    monkeypatch.setattr(play_residual_policy, "has_display", lambda: False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr(play_residual_policy, "play", lambda *arguments: None)
    assert play_residual_policy.main(["--baseline", *argv]) == 0
    assert bool(shown) == page


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["ResidualWlk-v0"], "no environment is called 'ResidualWlk-v0'"),
        (["--terrain", "hills"], "must be one of flat, rough"),
        (["--terrain", "flat", "--level", "0.5"], "--level has no effect: flat ground has no levels"),
        (["CubeInHand-v0", "--terrain", "rough"], "--terrain has no effect: CubeInHand-v0 has no terrain"),
        (["--level", "nan"], "level must"),
        (["--port", "0"], "port must"),
        (["--port", "70000"], "port must"),
        (["--robots", "0"], "robots must"),
        (["--challenge", "harder"], "challenge must be one of easy, medium, hard"),
        (["--follow"], "--follow needs the folder of a run"),
        (["--follow", "--model", WALKER], "--follow has no effect: "),
        (["--env-kwargs", "{variation: {mass: [1.3, 1.3]}}"], "--env-kwargs: variation.mass has no effect: the page shows"),
        (["--env-kwargs", "{config: {terrain: {levels: [1.0]}}}"], "--env-kwargs: terrain.levels has no effect"),
        (["--check"], "--check needs a recording"),
        (["--model", "nowhere"], "nowhere contains no env.json"),
        (["--model", WALKER, WALKER, WALKER], "--model takes one or two folders, got 3"),
        (["CubeInHand-v0", "--model", WALKER], "is a policy for ResidualWalk-v0, not for CubeInHand-v0"),
        (["--model", WALKER, "--policy", "zero"], "--policy has no effect with --model"),
        (["--replay", "nowhere.json"], "nowhere.json"),
        (["--replay", "x.json", "--seed", "1"], "--seed has no effect: --replay repeats a recording"),
        (["--replay", "x.json", "--check", "--port", "1"], "--port has no effect: --check opens no page"),
        (["Toy-v0", "--replay", "x.json"], "Toy-v0 has no effect"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(shown, capsys, argv, words):
    try:
        code = view.main(argv)
    except SystemExit as stop:
        code = stop.code
    err = capsys.readouterr().err
    assert code == 2 and words in err and len(err.splitlines()) == 1 and not shown


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--video", "x.mp4"], "--video has no effect: a page plays until it is ended"),
        (["--episodes", "3"], "--episodes has no effect"),
        (["--no-render"], "has no effect"),
        (["--replay", "x.npz"], "give one of|--web has no effect"),
        (["--port", "70000"], "port must lie in 1 to 65535"),
        (["--command", "7"], "vx must|command"),
    ],
)
def test_options_without_effect_on_a_page_are_refused(capsys, argv, words):
    assert_refused = play_residual_policy.main
    try:
        code = assert_refused(["--baseline", "--web", *argv])
    except SystemExit as stop:
        code = stop.code
    err = capsys.readouterr().err
    assert code == 2 and len(err.splitlines()) == 1 and any(word in err for word in words.split("|"))


@pytest.mark.parametrize(("program", "argv"), [(view, []), (play_residual_policy, ["--baseline", "--web"])])
def test_ctrl_c_is_the_normal_end_of_a_page(monkeypatch, capsys, program, argv):
    done = []

    class Page:
        server = SimpleNamespace(address=lambda: "ADDRESS")

        def __init__(self, *arguments):
            self.close = lambda: done.append("closed")

        def run(self):
            raise KeyboardInterrupt

    for name, value in (("is_installed", lambda: True), ("Session", lambda setup: None)):
        monkeypatch.setattr(f"viewer.show.{name}", value)
    monkeypatch.setattr("viewer.show.import_module", lambda name: SimpleNamespace(Viewer=Page))
    assert program.main(argv) == 0 and done == ["closed"]
    assert capsys.readouterr() == ("Open ADDRESS\nCtrl-C ends.\n\n", "")


def test_a_policy_that_does_not_exist_or_fit_is_one_sentence(capsys, monkeypatch):
    for argv, words in ((["--policy", "zzero"], "zzero"), (["Toy-v0", "--policy", WALKER], "such as 'zero'")):
        assert view.main(argv) == 2
        err = capsys.readouterr().err
        assert words in err and len(err.splitlines()) == 1


def test_without_the_packages_of_the_page_one_sentence_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("viewer.show.find_spec", lambda name: None)
    assert view.main([]) == 2
    assert capsys.readouterr().err == (
        "view: a page needs viser and mjviser: pip install 'viser>=1.1,<2' 'mjviser>=0.0.14,<0.1'\n"
    )


def test_a_replay_is_checked_without_a_page(tmp_path, capsys):
    session = Session(Setup("ResidualWalk-v0", {}, kind="flat", policy="random"))
    session.apply(Push(0, 0.4, 30.0))
    for _ in range(20):
        session.step()
    file = write_recording(tmp_path / "session.json", session)
    session.close()
    assert view.main(["--replay", str(file), "--check"]) == 0
    assert capsys.readouterr().out == "20 steps: the same bits as in the recording.\n"
    content = json.loads(file.read_text())
    content["commands"][0]["direction"] = 31.0
    file.write_text(json.dumps(content))
    assert view.main(["--replay", str(file), "--check"]) == 1
    assert "other numbers" in capsys.readouterr().out
