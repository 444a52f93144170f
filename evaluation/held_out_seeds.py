"""Seeds of trainings and, disjoint from them, one range of seeds for each purpose that evaluates or shows a policy.

Terrain seeds: a training of a walk uses its --seed, that of another robot its --env.terrain.seed. Seeds from FIRST_HELD_OUT
up to END_HELD_OUT are held out: no training uses them.
Simulation seeds: a training uses consecutive seeds from `first_simulation_seed(--seed)` on, all at least END_HELD_OUT.
Evaluations use smaller seeds.
"""

from dataclasses import dataclass

FIRST_HELD_OUT, END_HELD_OUT = 1_000_000, 2**24
END = 2**32  # numpy's and torch's older generators accept only smaller seeds
MOST_SIMULATIONS = 4096  # of a training; also the distance between the first seeds of adjacent trainings
_BLOCKS = (END - END_HELD_OUT) // MOST_SIMULATIONS


@dataclass(frozen=True)
class Seeds:
    """Range of seeds from `first` up to but not including `end`, addressed by a user's number n from `lowest` on.

    Each number has `width` seeds. With a width of 1, n is the seed of the first episode; adjacent numbers may share seeds.
    """

    first: int
    end: int
    width: int = 1
    lowest: int = 0

    @property
    def highest(self) -> int:
        """The highest number that a user may give."""
        return self.lowest + (self.end - self.first) // self.width - 1

    def at(self, number: int = 0, count: int = 1, name: str = "seed") -> int:
        """Returns the first of `count` seeds for the user's `number`.

        Raises:
            ValueError: the seeds leave the range or reach the seeds of the next number. `name` is the option's name.
        """
        if not self.lowest <= number <= self.highest:
            raise ValueError(f"{name} must lie in {self.lowest:,} to {self.highest:,}, got {number}")
        seed = self.first + self.width * (number - self.lowest)
        most = self.width if self.width > 1 else self.end - seed
        if count > most:
            raise ValueError(f"{count:,} episodes are too many: {name} {number:,} has seeds for {most:,}")
        return seed


# Seeds of terrain and episodes.
EVALUATION = Seeds(1_000_003, 1_500_003)  # during a training: chooses the best policy, and prunes trials
SUCCESSES = Seeds(1_500_003, 2_000_003)  # benchmarks: successes, episode_benchmark, planned_hand, challenge_table, studies
JUDGE = Seeds(2_000_003, 2_010_003)  # value of a sweep's trial
CONFIRM = Seeds(3_000_003, 4_000_003)  # evaluates the trainings of --reseed
PLAY = Seeds(5_000_003, 15_000_003, width=1000)  # play_residual_policy.py
EXAMPLE = Seeds(15_000_003, 16_000_003)  # examples/
DEMO = Seeds(16_000_003, 16_010_003)  # demo.py
# Seeds of terrain, and of the episodes on it.
BENCHMARK_TERRAIN = Seeds(2_010_003, 3_000_003, lowest=10_000)  # benchmarks of walks: terrain, variation, time to quality
BENCHMARK_EPISODES = Seeds(10_000, 1_000_000, lowest=10_000)
ROBUSTNESS_TERRAIN = Seeds(4_000_003, 4_010_003)  # evaluate_robustness.py
ROBUSTNESS_EPISODES = Seeds(0, 10_000)


def check_training_seed(seed: int, name: str = "seed") -> None:
    """Raises ValueError if `seed` is held out, negative or too large for a training."""
    if not 0 <= seed < END:
        raise ValueError(f"{name} must lie in 0 to {END - 1:,}, got {seed}")
    if FIRST_HELD_OUT <= seed < END_HELD_OUT:
        held_out = f"{FIRST_HELD_OUT:,} to {END_HELD_OUT - 1:,} are held out for evaluations"
        raise ValueError(f"{name} must not be {seed:,}: {held_out}")


def first_simulation_seed(seed: int) -> int:
    """Returns the seed of a training's first simulation; simulation i has the i-th seed after it.

    Trainings with up to MOST_SIMULATIONS simulations, whose --seed differs by less than a million, share no seed.
    """
    return END_HELD_OUT + MOST_SIMULATIONS * (seed % _BLOCKS)
