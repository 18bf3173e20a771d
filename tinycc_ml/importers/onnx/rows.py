"""The operators of ONNX files, and what each becomes: one row per operator.

Source: https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.importers.onnx import rows_attention as attention
from tinycc_ml.importers.onnx import rows_convolution as convolution
from tinycc_ml.importers.onnx import rows_elementwise as elementwise
from tinycc_ml.importers.onnx import rows_grid as grid
from tinycc_ml.importers.onnx import rows_index as index
from tinycc_ml.importers.onnx import rows_loss as loss
from tinycc_ml.importers.onnx import rows_matrix as matrix
from tinycc_ml.importers.onnx import rows_movement as movement
from tinycc_ml.importers.onnx import rows_pooling as pooling
from tinycc_ml.importers.onnx import rows_quant as quant
from tinycc_ml.importers.onnx import rows_reduction as reduction
from tinycc_ml.importers.onnx import rows_resize as resize
from tinycc_ml.importers.onnx import rows_sequence as sequence
from tinycc_ml.importers.onnx import rows_shape as shapes
from tinycc_ml.importers.onnx import rows_windows as windows
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_recurrent import recurrent
from tinycc_ml.importers.onnx.values import Item


@dataclass(frozen=True, slots=True)
class Row:
    """How an operator is imported.

    Attributes:
        translate: Makes nodes of our graph, and says what the outputs stand for.
        min_inputs: How many inputs it has at least.
        max_inputs: ... and at most; ``None`` where there is no limit.
    """

    translate: Callable[[Call], list[Item]]
    min_inputs: int = 1
    max_inputs: int | None = 1


ROWS: dict[str, Row] = {
    "Abs": Row(elementwise.unary("abs")),
    "Acos": Row(elementwise.unary("acos")),
    "Acosh": Row(elementwise.unary("acosh")),
    "Add": Row(elementwise.integers("integer_add", elementwise.add), 2, 2),
    "And": Row(elementwise.binary("logical_and", dtype=DType.BOOL), 2, 2),
    "ArgMax": Row(index.arg_extreme("arg_max")),
    "ArgMin": Row(index.arg_extreme("arg_min")),
    "Asin": Row(elementwise.unary("asin")),
    "Asinh": Row(elementwise.unary("asinh")),
    "Atan": Row(elementwise.unary("atan")),
    "Atanh": Row(elementwise.unary("atanh")),
    "Attention": Row(attention.attention, 3, 7),
    "AveragePool": Row(windows.average_pool),
    "BatchNormalization": Row(elementwise.batch_normalization, 5, 5),
    "Cast": Row(elementwise.cast),
    "Ceil": Row(elementwise.unary("ceil")),
    "Celu": Row(elementwise.sloped("celu", ("alpha", 1.0))),
    "BitShift": Row(elementwise.bit_shift, 2, 2),
    "BitwiseAnd": Row(elementwise.integers("bit_and"), 2, 2),
    "BitwiseNot": Row(elementwise.bitwise_not),
    "BitwiseOr": Row(elementwise.integers("bit_or"), 2, 2),
    "BitwiseXor": Row(elementwise.integers("bit_xor"), 2, 2),
    "CenterCropPad": Row(index.center_crop_pad, 2, 2),
    "Clip": Row(elementwise.clip, 1, 3),
    "Compress": Row(index.compress, 2, 2),
    "Concat": Row(shapes.concat, 1, None),
    "ConcatFromSequence": Row(sequence.concat_from),
    "Constant": Row(shapes.constant, 0, 0),
    "Conv": Row(convolution.conv, 2, 3),
    "ConvTranspose": Row(convolution.conv_transpose, 2, 3),
    "Cos": Row(elementwise.unary("cos")),
    "Cosh": Row(elementwise.unary("cosh")),
    "DepthToSpace": Row(movement.depth_to_space),
    "DequantizeLinear": Row(quant.dequantize_linear, 2, 3),
    "Div": Row(elementwise.integers("integer_div", elementwise.div), 2, 2),
    "Dropout": Row(shapes.dropout, 1, 3),
    "EyeLike": Row(shapes.eye_like),
    "Elu": Row(elementwise.sloped("elu", ("alpha", 1.0))),
    "Equal": Row(elementwise.binary("equal", dtype=DType.BOOL), 2, 2),
    "Erf": Row(elementwise.unary("erf")),
    "Exp": Row(elementwise.unary("exp")),
    "Expand": Row(movement.expand, 2, 2),
    "Flatten": Row(shapes.flatten),
    "Floor": Row(elementwise.unary("floor")),
    "Gather": Row(movement.gather, 2, 2),
    "GatherElements": Row(index.gather_elements, 2, 2),
    "GatherND": Row(index.gather_nd, 2, 2),
    "Gelu": Row(elementwise.gelu),
    "GRU": Row(recurrent("gru"), 3, 6),
    "Gemm": Row(matrix.gemm, 2, 3),
    "GlobalAveragePool": Row(pooling.global_average_pool),
    "GlobalMaxPool": Row(pooling.global_max_pool),
    "Greater": Row(elementwise.binary("greater", dtype=DType.BOOL), 2, 2),
    "GreaterOrEqual": Row(elementwise.binary("greater_equal", dtype=DType.BOOL), 2, 2),
    "GridSample": Row(grid.grid_sample, 2, 2),
    "GroupNormalization": Row(reduction.group_normalization, 3, 3),
    "Hardmax": Row(index.hardmax),
    "HardSigmoid": Row(elementwise.sloped("hard_sigmoid", ("alpha", 0.2), ("beta", 0.5))),
    "HardSwish": Row(elementwise.unary("hard_swish")),
    "Identity": Row(shapes.same),
    "InstanceNormalization": Row(reduction.instance_normalization, 3, 3),
    "IsInf": Row(index.is_inf),
    "IsNaN": Row(index.is_nan),
    "LRN": Row(windows.local_response_normalization),
    "LpNormalization": Row(reduction.lp_normalization),
    "LpPool": Row(windows.lp_pool),
    "LayerNormalization": Row(reduction.layer_normalization, 2, 3),
    "LeakyRelu": Row(elementwise.sloped("leaky_relu", ("alpha", 0.01))),
    "Less": Row(elementwise.binary("less", dtype=DType.BOOL), 2, 2),
    "LessOrEqual": Row(elementwise.binary("less_equal", dtype=DType.BOOL), 2, 2),
    "Log": Row(elementwise.unary("log")),
    "LSTM": Row(recurrent("lstm"), 3, 8),
    "LogSoftmax": Row(reduction.log_softmax),
    "MatMul": Row(matrix.matmul, 2, 2),
    "Max": Row(elementwise.folded("maximum"), 1, None),
    "MaxPool": Row(windows.max_pool),
    "Mean": Row(elementwise.mean_, 1, None),
    "MeanVarianceNormalization": Row(reduction.mean_variance_normalization),
    "Min": Row(elementwise.folded("minimum"), 1, None),
    "Mish": Row(elementwise.mish),
    "Mod": Row(elementwise.mod, 2, 2),
    "Mul": Row(elementwise.integers("integer_mul", elementwise.mul), 2, 2),
    "NegativeLogLikelihoodLoss": Row(loss.negative_log_likelihood_loss, 2, 3),
    "Neg": Row(elementwise.unary("neg")),
    "Not": Row(elementwise.unary("logical_not")),
    "OneHot": Row(index.one_hot, 3, 3),
    "Or": Row(elementwise.binary("logical_or", dtype=DType.BOOL), 2, 2),
    "PRelu": Row(elementwise.prelu, 2, 2),
    "Pad": Row(shapes.pad, 1, 4),
    "Pow": Row(elementwise.pow_, 2, 2),
    "QLinearConv": Row(quant.qlinear_conv, 8, 9),
    "QLinearMatMul": Row(quant.qlinear_matmul, 8, 8),
    "QuantizeLinear": Row(quant.quantize_linear, 2, 3),
    "ReverseSequence": Row(index.reverse_sequence, 2, 2),
    "RMSNormalization": Row(reduction.rms_normalization, 2, 2),
    "Reciprocal": Row(elementwise.unary("reciprocal")),
    "RNN": Row(recurrent("rnn"), 3, 6),
    "ReduceL1": Row(reduction.reduction("sum", before="abs"), 1, 2),
    "ReduceL2": Row(reduction.reduction("sum", before="square", after="sqrt"), 1, 2),
    "ReduceLogSum": Row(reduction.reduction("sum", after="log"), 1, 2),
    "ReduceLogSumExp": Row(reduction.log_sum_exp, 1, 2),
    "ReduceMax": Row(reduction.reduction("reduce_max"), 1, 2),
    "ReduceMean": Row(reduction.reduction("mean"), 1, 2),
    "ReduceMin": Row(reduction.reduction("reduce_min"), 1, 2),
    "ReduceProd": Row(reduction.reduction("reduce_prod"), 1, 2),
    "ReduceSum": Row(reduction.reduction("sum", 13), 1, 2),
    "ReduceSumSquare": Row(reduction.reduction("sum", before="square"), 1, 2),
    "Relu": Row(elementwise.unary("relu")),
    "Reshape": Row(shapes.reshape, 1, 2),
    "Resize": Row(resize.resize, 1, 4),
    "RotaryEmbedding": Row(attention.rotary_embedding, 3, 4),
    "Round": Row(elementwise.unary("round")),
    "Scatter": Row(index.scatter_elements, 3, 3),
    "ScatterElements": Row(index.scatter_elements, 3, 3),
    "ScatterND": Row(index.scatter_nd, 3, 3),
    "Selu": Row(
        elementwise.sloped(
            "selu", ("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875)
        )
    ),
    "SequenceAt": Row(sequence.at, 2, 2),
    "SequenceConstruct": Row(sequence.construct, 1, None),
    "SequenceEmpty": Row(sequence.empty, 0, 0),
    "SequenceErase": Row(sequence.erase, 1, 2),
    "SequenceInsert": Row(sequence.insert, 2, 3),
    "SequenceLength": Row(sequence.length),
    "Shape": Row(shapes.shape),
    "Shrink": Row(index.shrink),
    "Sigmoid": Row(elementwise.unary("logistic")),
    "Sign": Row(elementwise.unary("sign")),
    "Sin": Row(elementwise.unary("sin")),
    "Sinh": Row(elementwise.unary("sinh")),
    "Size": Row(shapes.size),
    "Slice": Row(movement.slice_, 1, 5),
    "Softmax": Row(shapes.softmax),
    "SoftmaxCrossEntropyLoss": Row(loss.softmax_cross_entropy_loss, 2, 3),
    "Softplus": Row(elementwise.unary("softplus")),
    "Softsign": Row(elementwise.unary("softsign")),
    "SpaceToDepth": Row(movement.space_to_depth),
    "Split": Row(movement.split, 1, 2),
    "SplitToSequence": Row(sequence.split_to, 1, 2),
    "Sqrt": Row(elementwise.unary("sqrt")),
    "Squeeze": Row(shapes.squeeze, 1, 2),
    "Sub": Row(elementwise.integers("integer_sub", elementwise.sub), 2, 2),
    "Sum": Row(elementwise.sum_, 1, None),
    "SwiGLU": Row(elementwise.swiglu, 2, 2),
    "Swish": Row(elementwise.swish),
    "Tan": Row(elementwise.unary("tan")),
    "Tanh": Row(elementwise.unary("tanh")),
    "TensorScatter": Row(index.tensor_scatter, 2, 3),
    "ThresholdedRelu": Row(index.thresholded_relu),
    "Tile": Row(movement.tile, 2, 2),
    "Transpose": Row(shapes.transpose),
    "Trilu": Row(index.trilu, 1, 2),
    "Unsqueeze": Row(shapes.unsqueeze, 1, 2),
    "Upsample": Row(resize.resize, 1, 2),
    "Where": Row(elementwise.where, 3, 3),
    "Xor": Row(elementwise.binary("logical_xor", dtype=DType.BOOL), 2, 2),
}
