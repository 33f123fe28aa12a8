"""The energy of a training, as a part of what made the model."""

from lading.model_packaging.documents import readable
from lading.model_packaging.energy.estimate import Estimator
from lading.model_packaging.store.durable import replace_file
from lading.training.runs import RECORD, Run

ENERGY = "energy"


def add_energy(run: Run, estimator: Estimator) -> Run:
    """Add the estimated energy to the record of a complete training, if it has none yet.

    Args:
        run: the training; its record has the measured processor time.
        estimator: figures of power, and the region of the electricity.
    """
    made = run.record()
    if ENERGY in made or made.get("processor_seconds") is None:
        return run
    found = estimator.of_training(made)
    if found is not None:
        facts = {**found.to_json(), "region": estimator.region or None}
        replace_file(run.folder / RECORD, readable({**made, ENERGY: facts}))
    return run
