"""TensorFlow Serving's own example as TensorFlow 1 saves it: with variables by reference."""

from pathlib import Path
from typing import Any

PREDICT, REGRESS, CLASSIFY = (
    f"tensorflow/serving/{method}" for method in ("predict", "regress", "classify")
)


def save_half_plus_two(folder: Path, *, second: bool = False) -> Path:
    """Save it in a graph of its own; `second` parses examples with the newer operator."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        half, two, three = (
            v1.get_variable(name, initializer=value, use_resource=False)
            for name, value in (("half", 0.5), ("two", 2.0), ("three", 3.0))
        )
        examples = v1.placeholder(tf.string, [None] if second else None, name="tf_example")
        first, default = _parsed(examples, second=second)
        x, x2 = tf.identity(first, "x"), tf.identity(default, "x2")
        y, y2, y3 = half * x + two, half * x + three, half * x2 + three
        session.run(v1.global_variables_initializer())
        signatures = {
            "serving_default": _signature({"x": x}, {"y": y}, PREDICT),
            "regress_x_to_y": _signature({"inputs": examples}, {"outputs": y}, REGRESS),
            "regress_x_to_y2": _signature({"inputs": examples}, {"outputs": y2}, REGRESS),
            "regress_x2_to_y3": _signature({"inputs": x2}, {"outputs": y3}, REGRESS),
            "classify_x_to_y": _signature({"inputs": examples}, {"scores": y}, CLASSIFY),
        }
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()
    return folder


def _parsed(examples: Any, *, second: bool) -> list[Any]:
    """The features `x` and `x2` of the examples, of which `x2` has a default."""
    import tensorflow as tf

    names = ["x", "x2"]
    if second:
        feature = tf.io.FixedLenFeature
        features = {"x": feature([1], tf.float32), "x2": feature([1], tf.float32, [0.0])}
        parsed = tf.io.parse_example(examples, features)
        return [parsed[name] for name in names]
    parsed = tf.raw_ops.ParseExample(
        serialized=examples,
        names=tf.constant([], tf.string),
        sparse_keys=[],
        dense_keys=names,
        dense_defaults=[tf.constant([], tf.float32), tf.constant([0.0])],
        sparse_types=[],
        dense_shapes=[[1], [1]],
    )
    return list(parsed.dense_values)


def _signature(inputs: dict[str, Any], outputs: dict[str, Any], method: str) -> Any:
    import tensorflow as tf

    saved_model = tf.compat.v1.saved_model
    infos = [
        {name: saved_model.build_tensor_info(tensor) for name, tensor in side.items()}
        for side in (inputs, outputs)
    ]
    return saved_model.build_signature_def(*infos, method)
