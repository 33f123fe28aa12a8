"""The judge's last word on a roll-out, as far as it decides."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lading.functions.traffic_hook.cloud import ask_judge
from lading.functions.traffic_hook.custom_resource import failure_of


class Heard(NamedTuple):
    """What a judge was heard to say.

    Args:
        passes: whether the new version may stay.
        failure: why the judge could not be heard; None if it was.
        found: its figures; empty if it could not be heard.
    """

    passes: bool
    failure: str | None
    found: Mapping[str, Any]


def hear_judge(judge: str, rollout: str, *, holds_broken: bool) -> Heard:
    """Return the last word on a roll-out.

    A judge that fails is not taken for one that agrees: the stage says what happens then.

    Args:
        judge: name of the judge's function.
        rollout: the roll-out, as the judge knows it.
        holds_broken: whether the new version stays if the judge fails.
    """
    found: dict[str, Any] = {}
    failure = failure_of(lambda: found.update(ask_judge(judge, rollout)))
    return Heard(holds_broken if failure else found.get("passes") is True, failure, found)
