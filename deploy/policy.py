"""An exported policy in onnxruntime."""

import importlib
from pathlib import Path

import numpy as np

from deploy.manifest import Manifest
from utils.fields import shown
from utils.files import reading

_FATAL = 3  # onnxruntime's level of log messages: its errors are raised


class OnnxPolicy:
    """Computes actions from observations with an ONNX file.

    Args:
        path: the file.
        manifest: its description.

    Raises:
        ValueError: the file cannot be read, or does not fit the description.
    """

    def __init__(self, path: Path, manifest: Manifest):
        try:
            onnxruntime = importlib.import_module("onnxruntime")  # not installed with the package
        except ImportError as error:
            raise ImportError("an exported policy needs onnxruntime: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # idle threads would keep cores busy
        options.log_severity_level = _FATAL
        with reading(path):
            self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._path = path
        self._check(manifest)

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Returns the action (a,) for an observation (k,).

        Raises:
            ValueError: the policy gives a value that is not finite.
        """
        return self.act_many(observation[None])[0]

    def act_many(self, observations: np.ndarray) -> np.ndarray:
        """Returns the actions (n, a) for observations (n, k).

        Raises:
            ValueError: as `act`.
        """
        (actions,) = self._session.run(None, {"observation": observations.astype(np.float32)})
        if not np.isfinite(actions).all():
            raise ValueError(f"{self._path} gives an action that is not finite")
        return actions

    def _check(self, manifest):
        robot = self._session.get_modelmeta().custom_metadata_map.get("env_id")
        if robot is not None and robot != manifest.env_id:
            raise ValueError(f"{self._path} is a policy of {robot}, and its description is one of {manifest.env_id}")
        taken = [(port.name, port.shape[1:]) for port in self._session.get_inputs()]
        if taken != [("observation", [manifest.size])]:
            words = f"must take an observation of {manifest.size} values, as its description says, it takes"
            raise ValueError(f"{self._path} {words} {shown(taken)}")
        given, joints = [port.shape[1:] for port in self._session.get_outputs()], len(manifest.joint_order)
        if given != [[joints]]:
            raise ValueError(f"{self._path} must give an action for each of the {joints} joints, it gives {shown(given)}")
        with reading(self._path):
            self.act(np.zeros(manifest.size, np.float32))
