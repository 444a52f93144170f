"""The simulations of a task: a MuJoCo batch that takes little memory for each of many simulations."""

import mujoco
from mujoco.batch import Batch

# Up to this number, each simulation has an MjData, and every bound array is current at any time. In a larger batch the
# simulations that run on a thread share one. An MjData takes 270 kB (160 kB of it are solver statistics); results and speed
# are the same.
MOST_SEPARATE = 64

_ACC_STAGE = int(mujoco.mjtStage.mjSTAGE_ACC)


class Simulations(Batch):
    """A batch whose memory per simulation is small if there are many of them; its numbers do not depend on this.

    In a batch of more than MOST_SEPARATE simulations, an array that is bound after the first call of the batch is zero
    until the next call.
    """

    def __init__(self, model: mujoco.MjModel, nsim: int, nthread: int):
        super().__init__(model, nsim, min(nthread, nsim), persistent=nsim <= MOST_SEPARATE)

    def forward(self, ids=None, stage: int = _ACC_STAGE) -> None:
        """Computes the forward stages up to `stage`, as `Batch.forward`.

        A shared MjData contains the forces of the simulation before. They are computed too, at an unchanged state.
        """
        if self.persistent or stage == _ACC_STAGE:
            return super().forward(ids, stage)
        state = self.state.copy()  # a forward pass changes the solver's start values, which are a part of the state
        super().forward(ids)
        self.state[:] = state

    def get_data(self, sim: int, data: mujoco.MjData | None = None) -> mujoco.MjData:
        """Returns the data of simulation `sim`, as `Batch.get_data`; derived fields are computed if its MjData is shared."""
        data = super().get_data(sim, data)
        if not self.persistent:
            mujoco.mj_forward(self.get_model(sim), data)
        return data
