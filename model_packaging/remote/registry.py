"""The places where sources live.

To add one, write a module with a `RemoteKind`, and add a line to `KINDS`.
"""

from lading.model_packaging.remote.https import HTTPS
from lading.model_packaging.remote.huggingface import HUGGINGFACE
from lading.model_packaging.remote.kind import RemoteKind, SourceUnfetched
from lading.model_packaging.remote.mlflow import MLFLOW
from lading.model_packaging.remote.s3 import S3

KINDS: tuple[RemoteKind, ...] = (HUGGINGFACE, S3, MLFLOW, HTTPS)


def find_kind(address: str) -> RemoteKind:
    """Return the place of an address.

    Raises:
        SourceUnfetched: it is of no known kind.
    """
    for kind in KINDS:
        if address.startswith(kind.prefixes):
            return kind
    known = ", ".join(kind.example for kind in KINDS)
    raise SourceUnfetched(address, f"has an unknown form; use a path, or one as {known}")
