"""Trains the digits example and writes its INT8 model and its test images.

The data is scikit-learn's copy of the UCI handwritten digits: 1797 images of 8x8 pixels with
values 0..16, which the network sees scaled to 0..1. A fixed permutation divides it into three
parts that share no image:

* training: what the weights are fitted to, also moved by a pixel in each direction;
* calibration: what the ranges of the activations are measured on, and what the progress lines
  call "held out";
* test: what the accuracies are measured on. Its first 100 images go into the archive.

Two files are written, both only when everything has succeeded:

* ``digits.tflite``: the network, INT8 throughout, batch size 1;
* ``digits_test.npz``: ``inputs`` (quantised), ``labels``, and ``outputs``, which is what
  TensorFlow Lite Micro computes from ``inputs``.

Needs the extras ``train`` and ``reference`` of tinycc-ml.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Read by TensorFlow when it is imported: no start-up messages; the CPU even if there is a GPU,
# and plain kernels, because GPUs' and oneDNN's sum in an order that depends on the machine.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tflite
from keras import layers
from sklearn.datasets import load_digits
from tflite_micro.python.tflite_micro import runtime

FloatArray = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
LabelArray = npt.NDArray[np.int64]

IMAGE_SHAPE = (8, 8, 1)
CLASSES = 10
MAX_PIXEL = 16.0
CALIBRATION_IMAGES = 200
TEST_IMAGES = 500
BUNDLED_IMAGES = 100
SHIFTS = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
BATCH_SIZE = 32
LEARNING_RATE = 3e-3
ARENA_BYTES = 256 * 1024
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "tflite-micro")


@dataclass(frozen=True)
class Split:
    """Images scaled to 0..1, of shape (n, 8, 8, 1), and their labels."""

    images: FloatArray
    labels: LabelArray

    def take(self, index: npt.NDArray[np.intp]) -> Split:
        """Returns the images and labels at `index`."""
        return Split(self.images[index], self.labels[index])


def load_splits(seed: int) -> tuple[Split, Split, Split]:
    """Loads the data set and divides it into training, calibration and test."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / MAX_PIXEL).astype(np.float32).reshape(-1, *IMAGE_SHAPE)
    everything = Split(images, labels.astype(np.int64))
    order = np.random.RandomState(seed).permutation(len(labels))
    test, calibration, train = np.split(order, [TEST_IMAGES, TEST_IMAGES + CALIBRATION_IMAGES])
    return everything.take(train), everything.take(calibration), everything.take(test)


def with_shifts(split: Split) -> Split:
    """Returns the images and their copies moved by one pixel; zeros move in at the edge."""
    height, width, _ = IMAGE_SHAPE
    padded = np.pad(split.images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    copies = [padded[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width] for dy, dx in SHIFTS]
    return Split(np.concatenate(copies), np.tile(split.labels, len(SHIFTS)))


def conv_bn(x: Any, layer: Any, *, relu: bool = True) -> Any:
    """Applies a convolution, batch normalisation and, unless told otherwise, ReLU."""
    x = layers.BatchNormalization()(layer(x))
    return layers.ReLU()(x) if relu else x


def build_model(batch_size: int | None = None) -> keras.Model:
    """Builds the network, for any batch size or for the one given.

    A 3x3 convolution, a depthwise-separable block that halves the image, a residual
    depthwise-separable block, average pooling over the whole image, and a dense layer.
    """
    same: dict[str, Any] = {"padding": "same", "use_bias": False}
    inputs = keras.Input(shape=IMAGE_SHAPE, batch_size=batch_size, name="image")
    x = conv_bn(inputs, layers.Conv2D(16, 3, **same))
    x = conv_bn(x, layers.DepthwiseConv2D(3, strides=2, **same))
    x = conv_bn(x, layers.Conv2D(32, 1, **same))
    shortcut = x
    x = conv_bn(x, layers.DepthwiseConv2D(3, **same))
    x = conv_bn(x, layers.Conv2D(32, 1, **same), relu=False)
    x = layers.ReLU()(layers.Add()([shortcut, x]))
    x = layers.AveragePooling2D(4)(x)
    x = layers.Flatten()(x)
    x = layers.Dense(CLASSES)(x)
    return keras.Model(inputs, layers.Softmax()(x), name="digits")


class Progress(keras.callbacks.Callback):
    """Prints one line per two epochs."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras after each epoch."""
        done = epoch + 1
        if logs and (done % 2 == 0 or done == self.epochs):
            print(
                f"  epoch {done:3d}/{self.epochs}: loss {logs['loss']:.4f},"
                f" held out {logs['val_accuracy']:.2%}",
                flush=True,
            )


def fit(train: Split, held_out: Split, epochs: int) -> keras.Model:
    """Trains the network for a fixed number of epochs; nothing is selected by accuracy."""
    model = build_model()
    steps = epochs * -(-len(train.labels) // BATCH_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(LEARNING_RATE, decay_steps=steps)
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    model.fit(
        train.images,
        train.labels,
        batch_size=BATCH_SIZE,
        epochs=epochs,
        validation_data=(held_out.images, held_out.labels),
        callbacks=[Progress(epochs)],
        verbose=0,
    )
    return model


def convert(model: keras.Model, calibration: FloatArray) -> bytes:
    """Quantises the network to INT8, input and output included, with batch size 1."""

    def representative() -> Iterator[list[FloatArray]]:
        for image in calibration:
            yield [image[np.newaxis]]

    single = build_model(batch_size=1)
    single.set_weights(model.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        # TensorFlow prints the weights' addresses, and warns that it was given no statistics
        # for the inputs although it is about to measure them.
        warnings.simplefilter("ignore", UserWarning)
        return bytes(converter.convert())


def quantise(images: FloatArray, scale: float, zero_point: int) -> Int8Array:
    """Maps real values to the INT8 values that stand for them."""
    steps = np.round(images.astype(np.float64) / scale) + zero_point
    return np.clip(steps, -128, 127).astype(np.int8)


def run_micro(model: bytes, images: FloatArray) -> tuple[Int8Array, Int8Array]:
    """Runs TensorFlow Lite Micro; returns the quantised inputs and the outputs."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    parameters = interpreter.get_input_details(0)["quantization_parameters"]
    scale, zero_point = float(parameters["scales"][0]), int(parameters["zero_points"][0])
    print(f"  input: scale {scale:.9g}, zero point {zero_point}")
    inputs = quantise(images, scale, zero_point)
    outputs = np.empty((len(inputs), CLASSES), np.int8)
    for index, image in enumerate(inputs):
        interpreter.set_input(image[np.newaxis], 0)
        interpreter.invoke()
        outputs[index] = interpreter.get_output(0)[0]
    return inputs, outputs


def accuracy(scores: npt.NDArray[Any], labels: LabelArray) -> str:
    """Says how many labels have the highest score, as a count and as a percentage."""
    correct = int((scores.argmax(axis=1) == labels).sum())
    return f"{correct}/{len(labels)} ({correct / len(labels):.2%})"


def operators(model: bytes) -> list[str]:
    """Lists the operators of the model in the order in which they run."""
    names = {
        value: name
        for name, value in vars(tflite.BuiltinOperator).items()
        if not name.startswith("_")
    }
    root = tflite.Model.GetRootAs(model, 0)
    graph = root.Subgraphs(0)
    codes = [root.OperatorCodes(i).BuiltinCode() for i in range(root.OperatorCodesLength())]
    used = [graph.Operators(i).OpcodeIndex() for i in range(graph.OperatorsLength())]
    return [names[codes[index]] for index in used]


def archive(**arrays: npt.NDArray[Any]) -> bytes:
    """Packs arrays as a compressed .npz; the same arrays always give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # Members in this order, dated 1980-01-01.
    return buffer.getvalue()


def write_all(folder: Path, files: dict[str, bytes]) -> None:
    """Writes all files next to their destinations first, then renames them into place."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".train-") as scratch:
        for name, content in files.items():
            (Path(scratch) / name).write_bytes(content)
        for name, content in files.items():
            (Path(scratch) / name).replace(folder / name)
            print(f"  {name}: {len(content)} bytes")


def parse_arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Train the digits example; write digits.tflite and digits_test.npz.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).parent,
        metavar="FOLDER",
        help="where the two files go",
    )
    parser.add_argument("--epochs", type=int, default=20, help="passes over the shifted images")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the weights")
    arguments = parser.parse_args()
    if arguments.epochs < 1:
        parser.error("--epochs must be at least 1")
    return arguments


def main() -> None:
    arguments = parse_arguments()
    keras.utils.set_random_seed(arguments.seed)
    tf.config.experimental.enable_op_determinism()

    print("Versions:")
    print(f"  python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        print(f"  {package} {version(package)}")

    train, calibration, test = load_splits(arguments.seed)
    parts = {"training": train, "calibration": calibration, "test": test}
    print("Images: " + ", ".join(f"{len(part.labels)} {name}" for name, part in parts.items()))

    print("Training:", flush=True)
    network = fit(with_shifts(train), calibration, arguments.epochs)
    print("Quantising (silent for some seconds):", flush=True)
    model = convert(network, calibration.images)
    print("  operators: " + ", ".join(operators(model)))
    inputs, outputs = run_micro(model, test.images)

    scores = network.predict(test.images, verbose=0)
    few = slice(BUNDLED_IMAGES)
    print("Accuracy on the test images:")
    print(f"  float, all:       {accuracy(scores, test.labels)}")
    print(f"  int8, all:        {accuracy(outputs, test.labels)}")
    print(f"  float, first {BUNDLED_IMAGES}: {accuracy(scores[few], test.labels[few])}")
    print(f"  int8, first {BUNDLED_IMAGES}:  {accuracy(outputs[few], test.labels[few])}")

    print(f"Writing to {arguments.out}:")
    images = archive(inputs=inputs[few], labels=test.labels[few], outputs=outputs[few])
    write_all(arguments.out, {"digits.tflite": model, "digits_test.npz": images})


if __name__ == "__main__":
    main()
