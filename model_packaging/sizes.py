"""Formats sizes of files, and large numbers, for users."""

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_LARGE = ((10**9, "billion"), (10**6, "million"))


def in_words(size: int) -> str:
    """Format bytes with three digits of a decimal unit, as file managers do.

    >>> in_words(8_759), in_words(999), in_words(90_394_100)
    ('8.76 kB', '999 bytes', '90.4 MB')
    """
    for unit, worth in _UNITS:
        if size >= 0.9995 * worth:  # rounds to a whole unit
            return f"{size / worth:.3g} {unit}"
    return f"{size} bytes"


def rounded(number: float) -> str:
    """Return a number with three digits: `950`, `174,000`, `2.31 million`."""
    digits = float(f"{number:.3g}")
    for size, word in _LARGE:
        if digits >= size:
            return f"{digits / size:g} {word}"
    return f"{digits:,.0f}"
