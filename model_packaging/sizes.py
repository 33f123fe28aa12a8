"""Formats sizes of files for users."""

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def in_words(size: int) -> str:
    """Format bytes with three digits of a decimal unit, as file managers do.

    >>> in_words(8_759), in_words(999), in_words(90_394_100)
    ('8.76 kB', '999 bytes', '90.4 MB')
    """
    for unit, worth in _UNITS:
        if size >= 0.9995 * worth:  # rounds to a whole unit
            return f"{size / worth:.3g} {unit}"
    return f"{size} bytes"
