"""Layers written as ONNX give the numbers of torch."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from algorithms.history_reader import HistoryReader
from algorithms.reader_shape import EncoderShape, ReaderShape
from run_folder.onnx_layers import OnnxLayers

FRAMES, FRAME = 12, 5
TIME = EncoderShape("time", (6, 4), (4, 2), (2, 1), (7,), 3)
FEATURES = EncoderShape("features", (8,), (2,), (1,), (), 4)
SHAPES = {
    "encoder along the time": ReaderShape(FRAMES, 2, TIME),
    "encoder along the features": ReaderShape(FRAMES, 1, FEATURES),
    "estimator": ReaderShape(FRAMES, 5, EncoderShape(), (6,), 3),
    "estimator that reads the mean": ReaderShape(FRAMES, 2, EncoderShape(), (6,), 3, estimator_mean=True),
    "actor that reads fewer frames than the estimator": ReaderShape(FRAMES, 5, TIME, (6,), 3, direct=1, estimator_mean=True),
    "both": ReaderShape(FRAMES, FRAMES, TIME, (), 2, detached=True),
}


def in_onnx(layers, rows):
    graph = OnnxLayers()
    output = graph.sequence(layers, "input")
    ends = (("input", ["n", rows.shape[1]]), (output, ["n", None]))
    into, out = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in ends)
    made = helper.make_graph(graph.nodes, "test", into, out, graph.initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"input": rows})[0]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_networks_that_read_a_history_give_the_numbers_of_torch(shape):
    torch.manual_seed(0)
    reader = HistoryReader(shape, FRAMES * FRAME, nn.ELU)
    layers = [reader, nn.Linear(reader.size, 4), nn.Tanh(), nn.Linear(4, 2)]
    rows = torch.randn(50, FRAMES * FRAME)
    wanted = nn.Sequential(*layers)(rows).detach().numpy()
    np.testing.assert_allclose(in_onnx(layers, rows.numpy()), wanted, atol=1e-5)
    assert np.ptp(wanted, axis=0).min() > 0.05


def test_a_layer_without_a_translation_is_one_sentence():
    with pytest.raises(ValueError, match="with the layer Softplus cannot be written"):
        OnnxLayers().sequence([nn.Softplus()], "input")
