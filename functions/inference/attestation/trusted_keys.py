"""Reads the keys whose signatures are accepted."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, get_args

from lading.functions.inference.attestation.verification import Mode, Trust

_MAX_KEY_BYTES: Final = 1 << 14
_MAKE: Final = "write one with: openssl ec -in private.pem -pubout -out public.pem"


def trust_of(mode: str | None, paths: Iterable[Path]) -> Trust:
    """Return which signatures are accepted.

    Args:
        mode: what happens to versions without a valid signature; None: `required` if there are
            keys, else `warn`.
        paths: files of public keys in PEM.

    Raises:
        ValueError: the mode is unknown, has no key, or a file is no P-256 public key.
        ModuleNotFoundError: there is a key, and `cryptography` is not installed.
    """
    keys = dict(map(_read, paths))
    chosen = mode or ("required" if keys else "warn")
    for known in get_args(Mode):
        if chosen == known:
            if known == "required" and not keys:
                raise ValueError("signatures are required, but no key is named that is trusted")
            return Trust(known, keys)
    raise ValueError(f"signatures must be {', '.join(get_args(Mode))}, not {chosen!r}")


def _read(path: Path) -> tuple[str, bytes]:
    from lading.functions.inference.attestation.keys import key_id, read_public_key

    try:
        with path.open("rb") as file:
            pem = file.read(_MAX_KEY_BYTES)
        return key_id(read_public_key(pem)), pem
    except OSError as error:
        raise ValueError(f"key {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"key {path} {error}; {_MAKE}") from error
