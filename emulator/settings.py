"""The part of this process's environment that programs of the emulator inherit."""

import os
from collections.abc import Mapping


def inherited_environment() -> Mapping[str, str]:
    """Return this process's variables without those of AWS, which could lead to a real account."""
    return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
