"""The tab that changes the world: terrain, physics, and pushes."""

from dataclasses import replace

from envs.locomotion.terrain import KINDS
from viewer.commands import STRONGEST_PUSH, Ground, Perturb, Push
from viewer.panels.panel import Panel

DIRECTIONS = {"forward": 0.0, "left": 90.0, "back": 180.0, "right": -90.0}  # degrees from the world's x axis
STEPS = 40  # of a slider


class WorldPanel(Panel):
    """Terrain (rebuilds the world), parameters of the physics (from the next reset on), and pushes (at once)."""

    title = "World"

    def build(self):
        self._build_terrain()
        self._build_physics()
        self._build_pushes()

    def set_ground(self):
        """Rebuilds the world with the terrain that the page shows."""
        self.request(lambda: Ground(self.kind.value, self.level.value))

    def perturb(self):
        """Sets the parameters that differ from those of the session."""
        known = self.viewer.session.setup.perturbed or {}
        ranges = self.viewer.session.knobs.perturbations
        values = {name: slider.value for name, slider in self.sliders.items()}
        changed = {name: value for name, value in values.items() if value != known.get(name, ranges[name].nominal)}
        if changed:
            self.request(lambda: Perturb(changed))

    def make_nominal(self):
        """Sets all parameters to their nominal values."""
        for name, parameter in self.viewer.session.knobs.perturbations.items():
            self.sliders[name].value = parameter.nominal
        self.perturb()

    def push(self, direction: str):
        """Pushes the robot on the screen."""
        self.request(lambda: self._pushing(Push(0, self.strength.value, DIRECTIONS[direction])))

    def _pushing(self, push):
        """Returns a function that pushes the robot on the screen at the time of the call."""
        return lambda: self.viewer.session.apply(replace(push, robot=self.viewer.scene.robot))

    def _build_terrain(self):
        setup = self.viewer.session.setup
        if not setup.world.has_terrain:
            return
        with self.gui.add_folder("Terrain"):
            self.kind = self.gui.add_dropdown("Kind", tuple(KINDS), initial_value=setup.kind)
            self.level = self.gui.add_slider("Level", 0.0, 1.0, 0.05, setup.level)
            self.build_button = self.gui.add_button("Build")
        self.on(self.kind.on_update, self.set_ground)
        self.on(self.build_button.on_click, self.set_ground)

    def _build_physics(self):
        self.sliders, known = {}, self.viewer.session.setup.perturbed or {}
        if not self.viewer.session.knobs.perturbations:
            return
        with self.gui.add_folder("Physics from the next reset on"):
            for name, parameter in self.viewer.session.knobs.perturbations.items():
                low, high = min(parameter.low, parameter.nominal), max(parameter.high, parameter.nominal)
                step = 1.0 if parameter.whole else (high - low) / STEPS
                hint = f"Nominal: {parameter.nominal:g}."
                value = float(known.get(name, parameter.nominal))
                self.sliders[name] = self.gui.add_slider(name, float(low), float(high), step, value, hint=hint)
                self.on(self.sliders[name].on_update, self.perturb)
            self.nominal_button = self.gui.add_button("Nominal")
            self.on(self.nominal_button.on_click, self.make_nominal)

    def _build_pushes(self):
        if self.viewer.session.pushes is None:
            return
        with self.gui.add_folder("Pushes"):
            self.gui.add_markdown("Ctrl + drag pulls a body with a spring.")
            self.strength = self.gui.add_slider("Speed (m/s)", 0.0, STRONGEST_PUSH / 2, 0.05, 0.3)
            self.directions = self.gui.add_button_group("Push", tuple(DIRECTIONS))
        self.on(self.directions.on_click, lambda: self.push(self.directions.value))
