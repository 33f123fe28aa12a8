"""Durations and large numbers, as people read them."""

_LARGE = ((10**9, "billion"), (10**6, "million"))


def seconds_text(seconds: float) -> str:
    """Return a duration: `4.2 s`, `3 min 7 s`, `1 h 5 min`."""
    if round(seconds, 1) < 60:  # noqa: PLR2004 - the seconds of a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - the minutes of an hour
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def rounded(number: float) -> str:
    """Return a number with three digits: `950`, `174,000`, `2.31 million`."""
    digits = float(f"{number:.3g}")
    for size, word in _LARGE:
        if digits >= size:
            return f"{digits / size:g} {word}"
    return f"{digits:,.0f}"
