"""The loop on a clock that the test moves: real time, pauses, single steps, speeds, and commands between steps."""

import pytest

from viewer.commands import Pause, Push, Reset, Speed, StepOnce
from viewer.loop import FRAMES_PER_SECOND, TICK, Loop


class World:
    """A clock, and a session whose steps take time on it."""

    control_dt = 0.02

    def __init__(self, cost=0.001):
        self.time, self.cost, self.log, self.frames = 0.0, cost, [], 0

    def clock(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds

    def step(self):
        self.time += self.cost
        self.log.append("step")

    def apply(self, command):
        if command == Reset(9):
            raise ValueError("no such seed")
        self.log.append(command)

    def draw(self):
        self.frames += 1

    @property
    def steps(self):
        return self.log.count("step")


def looped(world):
    return Loop(world, world.draw, world.clock, world.sleep)


def run(loop, world, seconds):
    end = world.time + seconds
    while world.time < end - 1e-9:
        loop.tick()


@pytest.mark.parametrize("speed", [0.125, 0.5, 1.0, 2.0, 8.0])
def test_simulated_time_follows_real_time_at_every_speed(speed):
    world = World(cost=0.0001)
    loop = looped(world)
    loop.post(Speed(speed))
    run(loop, world, 8.0)
    assert world.steps * world.control_dt == pytest.approx(8.0 * speed, abs=world.control_dt + 8 * TICK)
    assert not loop.capped and loop.rate == pytest.approx(speed, rel=0.2)
    assert world.frames == pytest.approx(8.0 * FRAMES_PER_SECOND, rel=0.3)


def test_a_simulation_that_is_too_slow_says_so_and_does_not_fall_behind():
    world = World(cost=0.05)  # 2.5 times as long as the step
    loop = looped(world)
    run(loop, world, 10.0)
    assert loop.capped and loop.rate == pytest.approx(0.4, rel=0.1)
    world.cost, before, start = 0.001, world.steps, world.time
    run(loop, world, 5.0)
    assert not loop.capped and world.steps - before == pytest.approx((world.time - start) / world.control_dt, abs=5)


def test_a_pause_stops_the_steps_but_not_the_frames_and_does_not_earn_time():
    world = World()
    loop = looped(world)
    loop.post(Pause(True))
    run(loop, world, 5.0)
    assert world.steps == 0 and world.frames > 50
    loop.post(Pause(False))
    run(loop, world, 1.0)
    assert world.steps == pytest.approx(50, abs=2)


def test_a_single_step_pauses_and_takes_one_step():
    world = World()
    loop = looped(world)
    for _ in range(3):
        loop.post(StepOnce())
        run(loop, world, 0.5)
    assert world.steps == 3 and loop.paused


def test_commands_wait_for_the_loop_and_keep_their_order():
    world = World()
    loop = looped(world)
    commands = [Reset(1), Push(0, 0.3, 90.0), Reset(2)]
    for command in commands:
        loop.post(command)
    assert world.log == []
    loop.tick()
    assert world.log == commands


def test_a_refused_command_is_a_message_and_the_loop_goes_on():
    world = World()
    loop = looped(world)
    loop.post(Reset(9))
    run(loop, world, 0.5)
    assert loop.message == "no such seed" and world.steps > 20
    loop.post(Reset(1))
    loop.tick()
    assert loop.message == "" and Reset(1) in world.log


def test_a_command_is_handled_between_the_steps_of_one_tick():
    world = World(cost=0.001)
    loop = looped(world)
    world.time, step = 1.0, world.step  # 50 steps are due

    def step_then_post():
        step()
        if world.steps == 3:
            loop.post(Reset(1))

    world.step = step_then_post
    loop.tick()
    assert world.log[:4] == ["step"] * 3 + [Reset(1)] and world.steps > 10


def test_the_end_ends_the_loop():
    world = World()
    loop = looped(world)
    loop.post(loop.end)
    loop.run()
    assert loop.ended
