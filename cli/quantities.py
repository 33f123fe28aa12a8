"""Durations, as people read them."""


def seconds_text(seconds: float) -> str:
    """Return a duration: `4.2 s`, `3 min 7 s`, `1 h 5 min`."""
    if round(seconds, 1) < 60:  # noqa: PLR2004 - the seconds of a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - the minutes of an hour
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
