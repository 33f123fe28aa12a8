"""One hospital: it answers with sums and weights, and its rows never leave its process."""

import csv
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from hospitals.logistic import Weights, descend

app = ClientApp()


@app.query()
def describe(message: Message, context: Context) -> Message:
    """Answer with the number of rows, and the sums and the sums of squares of each column."""
    rows, _ = _read(context)
    sums = ArrayRecord([rows.sum(axis=0), (rows**2).sum(axis=0)])
    content = RecordDict({"sums": sums, "count": MetricRecord({"rows": len(rows)})})
    return Message(content, reply_to=message)


@app.train()
def train(message: Message, context: Context) -> Message:
    """Start at the common weights, and answer with those that fit this hospital's rows better."""
    rows, malignant = _read(context)
    coefficients, intercept, mean, scale = message.content["arrays"].to_numpy_ndarrays()
    config = message.content["config"]
    weights = descend(
        Weights(coefficients, intercept),
        (rows - mean) / scale,
        malignant,
        steps=int(config["steps"]),
        rate=float(config["rate"]),
    )
    arrays = ArrayRecord([*weights, mean, scale])
    content = RecordDict({"arrays": arrays, "metrics": MetricRecord({"num-examples": len(rows)})})
    return Message(content, reply_to=message)


def _read(context: Context) -> tuple[np.ndarray, np.ndarray]:
    """Return this hospital's rows, float64 [rows, columns], and their classes, float64 [rows]."""
    with Path(str(context.node_config["rows"])).open(newline="") as file:
        _, *lines = csv.reader(file)
    table = np.asarray(lines, np.float64)
    return table[:, :-1], table[:, -1]
