"""Rows to try optimized models on, as the check of a conversion leaves them."""

import numpy as np

from lading.functions.inference.models.session import OnnxSession
from lading.model_packaging.check.probes import Probe
from lading.model_packaging.check.probing import BASE, SINGLES
from lading.model_packaging.check.samples import made_up
from lading.model_packaging.check.trial import TrialRows

ROWS = 40


def trial_of(model: bytes) -> TrialRows:
    """Rows that a model takes, many at once and each alone; a free axis has size 1."""
    generator = np.random.default_rng(5)
    specs = OnnxSession(model).inputs
    shapes = {spec.name: tuple(1 if size == -1 else size for size in spec.shape) for spec in specs}
    rows = {
        spec.name: made_up(generator, spec.datatype, (ROWS, *shapes[spec.name][1:]))
        for spec in specs
    }
    singles = [{name: array[n : n + 1] for name, array in rows.items()} for n in range(3)]
    return TrialRows(OnnxSession, [Probe(BASE, rows), *(Probe(SINGLES, row) for row in singles)])
