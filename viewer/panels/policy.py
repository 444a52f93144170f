"""The tab that chooses who controls the robots."""

from viewer import policies
from viewer.commands import Choose
from viewer.panels.panel import Panel

NONE = "none"


class PolicyPanel(Panel):
    """The policy of the robots, a second policy on the same ground, and the newest checkpoint of a run that trains."""

    title = "Policy"

    def build(self):
        session = self.viewer.session
        self._known = self._choices()
        labels = tuple(self._known)
        self.first = self.gui.add_dropdown("Policy", labels, initial_value=self._label(session.setup.policy))
        second = self._label(session.setup.second) if session.setup.second else NONE
        hint = "A second group of robots with the same seeds on the same ground."
        self.second = self.gui.add_dropdown("Side by side", (NONE, *labels), initial_value=second, hint=hint)
        self.on(self.first.on_update, lambda: self.choose("first", self.first.value))
        self.on(self.second.on_update, lambda: self.choose("second", self.second.value))
        self._shown = session.setup.policy, session.setup.second
        self.follow = None
        if self.viewer.runs:
            self.follow = self.gui.add_checkbox("Follow the newest checkpoint", self.viewer.follow)
            self.on(self.follow.on_update, self.set_follow)

    def choose(self, group: str, label: str):
        """Chooses the policy with this label for a group of robots."""
        if group == "second" and label == NONE:
            self.request(lambda: Choose("", "second"))
        elif isinstance(label, str) and label in self._known:
            self.request(lambda: Choose(self._known[label], group))
        else:
            self.viewer.refuse(ValueError("there is no such policy"))

    def set_follow(self):
        """Starts or stops following."""
        self.viewer.follow = self.follow.value is True

    def refresh(self):
        """Offers new checkpoints, and loads the newest one if it is followed."""
        known = self._choices()
        if known != self._known:
            self._known = known
            self.first.options, self.second.options = tuple(known), (NONE, *known)
        setup = self.viewer.session.setup
        if (setup.policy, setup.second) != self._shown:  # not while a choice of the page waits for the loop
            self._shown = setup.policy, setup.second
            self.first.value = self._label(setup.policy)
            self.second.value = self._label(setup.second) if setup.second else NONE
        if self.viewer.follow:
            newest = policies.newest(self.viewer.runs[0])
            if newest is not None and newest not in (self.viewer.session.setup.policy, self._failed):
                self._failed = newest  # not again and again, if it cannot be loaded
                self.request(lambda: Choose(newest, "first"))

    _failed = ""

    def _choices(self):
        known = policies.choices(self.viewer.session.setup.env_id, self.viewer.runs)
        chosen = filter(None, (self.viewer.session.setup.policy, self.viewer.session.setup.second))
        return known | {name: name for name in chosen if name not in known.values()}

    def _label(self, name):
        return next(label for label, known in self._known.items() if known == name)
