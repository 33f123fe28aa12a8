"""Schedules of EventBridge Scheduler: which expressions it accepts.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re

_RATE = re.compile(r"rate\(([1-9]\d{0,5}) (?:minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    ("minutes", range(60), ()),
    ("hours", range(24), ()),
    ("day of the month", range(1, 32), ()),
    ("month", range(1, 13), _MONTHS),
    ("day of the week", range(1, 8), _DAYS),
    ("year", range(1970, 2200), ()),
)
_EXAMPLES = "such as rate(7 days) or cron(0 3 ? * MON *)"


def schedule(text: str) -> str:
    """Return a repeating schedule that AWS accepts.

    Raises:
        ValueError: AWS would refuse it; the text says why.
    """
    if _RATE.fullmatch(text):
        return text
    fields = _CRON.fullmatch(text)
    if fields is None:
        raise ValueError(f"must be a schedule that AWS accepts, {_EXAMPLES}, not '{text}'")
    _, _, month_day, _, week_day, _ = fields.groups()
    if (month_day == "?") == (week_day == "?"):
        raise ValueError(
            "must have ? in the day of the month or in the day of the week, and not in both, "
            f"{_EXAMPLES}"
        )
    for field, (name, numbers, words) in zip(fields.groups(), _FIELDS, strict=True):
        if not _accepted(field, name, numbers, words):
            raise ValueError(f"has '{field}' as {name}, which AWS refuses; write it {_EXAMPLES}")
    return text


def _accepted(field: str, name: str, numbers: range, words: tuple[str, ...]) -> bool:
    if field == "?":
        return name.startswith("day")
    return all(_part(part, name, numbers, words) for part in field.split(","))


def _part(part: str, name: str, numbers: range, words: tuple[str, ...]) -> bool:
    """Return whether one item of a list is a value, a range, a step, or a special day."""
    if name == "day of the month" and re.fullmatch(r"L|LW|(?:[12]?\d|3[01])W", part):
        return True
    if name == "day of the week" and re.fullmatch(r"L|(?:[1-7]|[A-Z]{3})(?:L|#[1-5])", part):
        return True
    span, slash, step = part.partition("/")
    if slash and not re.fullmatch(r"[1-9]\d{0,3}", step):
        return False
    first, _, last = span.partition("-")
    ends = [first, last] if "-" in span else [first]
    return span == "*" or all(_value(end, numbers, words) for end in ends)


def _value(text: str, numbers: range, words: tuple[str, ...]) -> bool:
    return text in words or (text.isascii() and text.isdecimal() and int(text) in numbers)
