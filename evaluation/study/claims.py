"""Claims that results decide: each says that a measure is higher on one side than on the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from evaluation.study.results import ALL, STEPS, Results
from evaluation.study.tables import MISSING, difference, markdown

SMALL = 0.05  # share of the mean of a claim's worse side; a smaller difference does not matter


@dataclass(frozen=True)
class Claim:
    """A claim about the means of a measure over a group of conditions, after equal steps.

    Attributes:
        section: section of the text that claims it.
        words: the claim.
        better, worse: names of the methods that it compares.
        group: group of conditions of both, or ALL.
        metric: the measure that it says is higher for `better`.
        worse_group: group of conditions of `worse`, if it is another one.
        scale, unit: factor and unit of the difference in the table.
    """

    section: int
    words: str
    better: str
    worse: str
    group: str = ALL
    metric: str = "return"
    worse_group: str | None = None
    scale: float = 1.0
    unit: str = ""

    def difference(self, results: Results) -> tuple[float, float, float] | None:
        """Returns the mean difference, paired by seed, and its interval; None if the results do not have both sides."""
        other = (self.worse, self.worse_group or self.group, STEPS)
        return difference(results, self.metric, (self.better, self.group, STEPS), other)

    def compared(self, titles: Mapping[str, str]) -> str:
        """Returns the names of both sides."""
        if self.better == self.worse:
            return f"{titles[self.better]}: {self.group} - {self.worse_group}"
        return f"{titles[self.better]} - {titles[self.worse]}, {self.group}"


def claims_table(results: Results, claims: Iterable[Claim], titles: Mapping[str, str]) -> str:
    """Returns a Markdown table with a row for each claim: what is compared, the difference, and what it says."""
    head = ["section", "claim", "compared", "measure", "difference", "seeds", "result"]
    return markdown(head, [_row(results, claim, titles) for claim in claims])


def verdict(interval: tuple[float, float], margin: float) -> str:
    """Returns what the interval (low, high) of a claim's difference says; a difference below `margin` does not matter."""
    low, high = interval
    if low > 0.0 or high < 0.0:
        return "holds" if low > 0.0 else "the opposite holds"
    return f"does not hold: below {SMALL:.0%} either way" if max(-low, high) < margin else "open"


def _row(results, claim, titles):
    found = claim.difference(results)
    own = [claim.section, claim.words, claim.compared(titles), claim.metric + f" ({claim.unit})" * bool(claim.unit)]
    if found is None:
        return [*own, MISSING, MISSING, "open: not measured"]
    mean, low, high = (claim.scale * value for value in found)
    worse = results.training_means(claim.worse, claim.metric, claim.worse_group or claim.group).mean()
    seeds = len({*results.seeds(claim.better)} & {*results.seeds(claim.worse)})
    return [*own, f"{mean:+.2f} ({low:+.2f} to {high:+.2f})", seeds, verdict((low, high), SMALL * claim.scale * abs(worse))]
