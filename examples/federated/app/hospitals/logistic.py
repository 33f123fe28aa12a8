"""Logistic regression by gradient descent, in numpy alone."""

from typing import NamedTuple

import numpy as np

PENALTY = 0.01
"""Of the squared coefficients: keeps them finite where the classes can be separated."""


class Weights(NamedTuple):
    """Coefficients, float64 [columns], and the intercept, float64 [1]."""

    coefficients: np.ndarray
    intercept: np.ndarray


def descend(
    weights: Weights, rows: np.ndarray, classes: np.ndarray, *, steps: int, rate: float
) -> Weights:
    """Return the weights after some steps down the gradient of the mean cross entropy.

    Args:
        weights: where to start.
        rows: standardized, float64 [rows, columns].
        classes: 0 or 1, float64 [rows].
        steps: number of steps.
        rate: length of a step, as a factor of the gradient.
    """
    coefficients, intercept = weights
    for _ in range(steps):
        error = 1 / (1 + np.exp(-(rows @ coefficients + intercept))) - classes
        gradient = rows.T @ error / len(rows) + PENALTY * coefficients
        coefficients = coefficients - rate * gradient
        intercept = intercept - rate * error.mean()
    return Weights(coefficients, intercept)
