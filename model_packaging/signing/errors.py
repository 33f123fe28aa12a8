"""Errors of signing."""

from collections.abc import Iterator
from contextlib import contextmanager

from lading.model_packaging.errors import PackagingError


class KeyUnusable(PackagingError):
    """A key cannot sign or verify.

    Remedy: name a key in PEM, or one of KMS that may sign.

    Args:
        place: its file or address.
        reason: what is wrong with it, and what to do.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"key {place} {reason}")
        self.place, self.reason = place, reason


class TrustUnusable(PackagingError):
    """The keys to trust cannot be used, or there are none.

    Remedy: name the public keys to trust with `--key`, or in stages.yaml.
    """


class CryptographyMissing(PackagingError):
    """The library `cryptography` is not installed.

    Remedy: `pip install 'lading[signing]'`.
    """

    def __init__(self) -> None:
        super().__init__(
            "signatures need the library cryptography; install it with `make cloud`, or "
            "pip install 'lading[signing]'"
        )


@contextmanager
def needs_cryptography() -> Iterator[None]:
    """Say what to install if an import of `cryptography` fails.

    Raises:
        CryptographyMissing: it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise CryptographyMissing from error
