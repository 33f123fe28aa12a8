"""What answers beside the models: long work and repeated requests, where settings tell of a place.

Each is imported when it is configured, since small models on Lambda have none of it.
"""

from lading.functions.contract.settings import Settings
from lading.functions.inference.app.application import Answerer, answer


def answerer(settings: Settings) -> Answerer:
    """What answers requests under these settings."""
    chosen: Answerer = answer
    if settings.jobs is not None:
        from lading.functions.inference.app.jobs import Jobs  # noqa: PLC0415 a proxy's

        chosen = Jobs(settings.jobs, chosen)
    if settings.idempotency_table:
        from lading.functions.inference.app.idempotency import Idempotent  # noqa: PLC0415 a proxy's

        chosen = Idempotent(settings.idempotency_table, chosen)
    return chosen
