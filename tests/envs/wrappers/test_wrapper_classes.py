"""Every wrapper is a class of hooks with two faces of its own: real classes of a module, chosen by the environment."""

import gymnasium as gym
import pytest
from gymnasium.vector import VectorWrapper

import envs  # noqa: F401
from envs import wrappers
from envs.wrappers import Delay, SingleDelay, VectorDelay
from envs.wrappers.faces import SingleFace, VectorFace
from envs.wrappers.float32_observation import Float32Observation
from envs.wrappers.wrapper import ChallengeWrapper

EVERY = [*ChallengeWrapper.__subclasses__()]


def toy():
    return gym.make("Toy-v0")


def toys():
    return gym.make_vec("Toy-v0", num_envs=2)


def test_all_wrappers_are_looked_at():
    assert {Delay, wrappers.Noise, wrappers.Safety, wrappers.Perturbation, Float32Observation} <= set(EVERY)


@pytest.mark.parametrize("hooks", EVERY, ids=lambda hooks: hooks.__name__)
def test_both_faces_are_classes_of_the_module(hooks):
    module = __import__(hooks.__module__, fromlist=["_"])
    for face, base, foreign in (
        (hooks.single_face, SingleFace, gym.Wrapper),
        (hooks.vector_face, VectorFace, VectorWrapper),
    ):
        assert face.__bases__ == (hooks, base) and issubclass(face, foreign) and face.__doc__
        assert getattr(module, face.__name__) is face
        if hooks is not Float32Observation:
            assert getattr(wrappers, face.__name__) is face and face.__name__ in wrappers.__all__


def test_the_environment_chooses_the_face():
    single, vector = Delay(toy(), observations=1), Delay(toys(), observations=1)
    assert type(single) is SingleDelay and type(vector) is VectorDelay
    assert isinstance(single, Delay) and isinstance(vector, Delay)
    assert type(SingleDelay(toy(), observations=1)) is SingleDelay and type(VectorDelay(toys(), 1)) is VectorDelay


def test_an_environment_with_a_wrapper_is_made_again_from_its_spec():
    env = gym.make(Delay(toy(), actions=2).spec)
    assert type(env) is SingleDelay and env.spec.additional_wrappers[-1].kwargs["actions"] == 2


@pytest.mark.parametrize(("face", "make", "kind"), [(SingleDelay, toys, "vector"), (VectorDelay, toy, "single")])
def test_a_face_refuses_the_other_kind_of_environment(face, make, kind):
    with pytest.raises(TypeError, match=f"^{face.__name__} has no face for a {kind} environment"):
        face(make())


def test_a_wrapper_without_faces_is_refused_and_a_derived_face_is_built_as_itself():
    class Slow(Delay):
        pass

    class MyDelay(SingleDelay):
        pass

    with pytest.raises(TypeError, match=r"^Slow has no face for a vector environment: .* bases \(Slow, VectorFace\)$"):
        Slow(toys())
    assert type(MyDelay(toy())) is MyDelay and type(Delay(toy())) is SingleDelay

    class SingleSlow(Slow, SingleFace):
        pass

    assert type(Slow(toy())) is SingleSlow and Delay.single_face is SingleDelay
