"""What answers beside the models: long work and repeated requests, where settings tell of a place.

Each is imported when it is configured, since small models on Lambda have none of it.
"""

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import Answerer, answer


def answerer(settings: ServingSettings) -> Answerer:
    """What answers requests under these settings."""
    chosen: Answerer = answer
    if settings.jobs is not None:
        from lading.functions.inference.app.jobs import Jobs

        chosen = Jobs(settings.jobs)
    if settings.idempotency_table:
        from lading.functions.inference.app.idempotency import Idempotent

        chosen = Idempotent(settings.idempotency_table, chosen)
    return chosen
