"""The claims of an earlier analysis of why SR2L and randomisation failed on RealAnt, each as a difference to measure.

The analysis has ten sections. A claim is written so that it holds if the difference is above 0. Methods that only test
claims are compared with `AGAIN` instead of the study's PPO, because they may have been trained on another machine.
"""

from functools import partial

from benchmarks.smooth_study import BASELINE, CLEAN
from evaluation.study.claims import Claim

AGAIN = "ppo_again"
_Claim = partial(Claim, scale=1e-3, unit="thousands")  # returns are some thousands
CLAIMED = (
    _Claim(1, "a network of 64-128 (relu) is too small: 256-256 (tanh)", "ppo_large", "ppo_small"),
    _Claim(1, "it is too small for SR2L", "sr2l_large", "sr2l_small"),
    _Claim(2, "SR2L must perturb the joints only", "sr2l_joints", "sr2l_all"),
    _Claim(3, "noise (here of the joints' sensors) breaks the reward", BASELINE, BASELINE, CLEAN, worse_group="noise_x4"),
    Claim(3, "the reward misleads the robot", AGAIN, "legacy_reward", CLEAN, "net_m", unit="m"),
    _Claim(4, "the loss of SR2L works against that of PPO", BASELINE, "sr2l_joints", CLEAN),
    _Claim(5, "joints without torque train less for locked ones", "dr_locked", "dr_passive", "locked_joint"),
    _Claim(5, "and locked ones less for those without torque", "dr_passive", "dr_locked", "passive_joint"),
    _Claim(6, "SR2L from scratch loses to PPO", BASELINE, "sr2l_joints"),
    _Claim(6, "randomisation from scratch loses to PPO", BASELINE, "dr"),
    _Claim(6, "SR2L spoils a pretrained policy", "ppo_longer", "sr2l_pretrained"),
    _Claim(6, "randomisation spoils a pretrained policy", "ppo_longer", "dr_pretrained"),
    _Claim(7, "the learning rate must be lower", "slow_rate", AGAIN),
    _Claim(7, "an update needs more samples", "long_rollouts", AGAIN),
    _Claim(8, "SR2L needs a warm-up", "sr2l_joints", "sr2l_at_once"),
    _Claim(9, "normalised positions make SR2L's perturbations too large", BASELINE, "sr2l_all", CLEAN),
    _Claim(10, "noise in training is better than the loss of SR2L", "noise", "sr2l_joints"),
    _Claim(10, "randomisation is better than the loss of SR2L", "dr", "sr2l_joints"),
)
