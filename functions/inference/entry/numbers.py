"""Numbers in environment variables."""

from collections.abc import Mapping

_MOST_PORTS = 1 << 16


def port_of(environment: Mapping[str, str], name: str, default: int) -> int:
    """Read the number of a port.

    Raises:
        ValueError: it is not one; the text names the variable.
    """
    if name not in environment:
        return default
    port = number_of(environment, name, default)
    if port >= _MOST_PORTS:
        raise ValueError(f"{name} must be a port up to {_MOST_PORTS - 1}, got {port}")
    return port


def number_of(environment: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    """Read a whole number.

    Raises:
        ValueError: it is not one, or less than `least`; the text names the variable.
    """
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and int(text) >= least):
        raise ValueError(f"{name} must be a whole number above {least - 1}, got '{text[:40]}'")
    return int(text)
