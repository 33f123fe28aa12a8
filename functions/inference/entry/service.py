"""The answerer of requests, with jobs and idempotency where the settings configure them.

Each is imported only if it is configured, since most functions on Lambda have neither.
"""

from lading.functions.contract.settings import ServingSettings
from lading.functions.inference.app.application import Answerer, answer


def answerer(settings: ServingSettings) -> Answerer:
    """Return what answers requests under these settings."""
    chosen: Answerer = answer
    if settings.jobs is not None:
        from lading.functions.inference.app.jobs import Jobs

        chosen = Jobs(settings.jobs)
    if settings.idempotency_table:
        from lading.functions.inference.app.idempotency import Idempotent

        chosen = Idempotent(settings.idempotency_table, chosen)
    return chosen
