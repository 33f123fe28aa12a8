"""Every reader that is fuzzed; a further one is a `Target` and a line here."""

from tests.fuzz import artifacts, dialects, documents, gateway, media, recorded, rpc
from tests.fuzz.target import Target

TARGETS: tuple[Target, ...] = (
    dialects.TARGET,
    rpc.TARGET,
    documents.TARGET,
    media.UNPACKING,
    media.PICTURES,
    media.EVENTS,
    artifacts.SPECIFICATIONS,
    artifacts.ARCHIVES,
    artifacts.LOCKS,
    gateway.EVENTS,
    gateway.POLICIES,
    recorded.BASELINES,
    recorded.BACKGROUNDS,
)
