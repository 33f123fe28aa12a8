"""Limits what frameworks print and run in this process; only here their environment is set."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import BinaryIO

WAITING = MappingProxyType({"OMP_WAIT_POLICY": "PASSIVE"})
"""See `waiting_quietly`."""
_WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
"""torch's own switch: while it is set, torch refuses code in every pickle that it loads."""


@contextmanager
def quiet(level: int = logging.WARNING) -> Iterator[None]:
    """Suppress warnings, and log records up to `level`.

    A handler keeps libraries that log on the root logger from setting it up.
    """
    before, handler = logging.root.manager.disable, logging.NullHandler()
    logging.root.addHandler(handler)
    logging.disable(level)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        logging.root.removeHandler(handler)


def reserve_output() -> BinaryIO:
    """Reserve standard output for messages; other output goes to standard error."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return messages


def prepare_tensorflow() -> None:
    """Set what TensorFlow reads when it is imported, unless the user has set it.

    TensorFlow's C++ code prints past Python's logging, and oneDNN's sums vary with the machine.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


def prepare_mlflow() -> None:
    """Set what MLflow's client reads when it is imported, unless the user has set it.

    It would draw bars of its own, and send figures of usage to its makers.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def waiting_quietly() -> dict[str, str]:
    """Return the environment for a process whose OpenMP threads sleep while they have no work.

    The threads of torch, scikit-learn, XGBoost and LightGBM spin by default, and take the processor
    from other processes and from onnxruntime's own threads: a row of MiniLM takes 13 times the
    processor time on a busy machine. OpenMP reads the variable once, before any thread starts.
    """
    return {**WAITING, **os.environ}


@contextmanager
def torch_weights_only() -> Iterator[None]:
    """Make torch refuse code in pickles, also where it would fall back to running it."""
    before = os.environ.get(_WEIGHTS_ONLY)
    os.environ[_WEIGHTS_ONLY] = "1"
    try:
        yield
    finally:
        del os.environ[_WEIGHTS_ONLY]
        if before is not None:
            os.environ[_WEIGHTS_ONLY] = before
