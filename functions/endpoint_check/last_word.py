"""The judge's last word on an endpoint's update, with its figures."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from lading.functions.endpoint_check.settings import CheckSettings
from lading.functions.traffic_hook.judged import hear_judge


class LastWord(NamedTuple):
    """What the judge says.

    Args:
        passes: whether the new version may stay.
        text: the word, and the figures of both versions.
    """

    passes: bool
    text: str


def last_word(settings: CheckSettings, config: str) -> LastWord:
    """Return what the judge says of the update to a configuration."""
    heard = hear_judge(settings.judge, config, holds_broken=settings.holds_broken)
    broken = f"the judge {settings.judge} is broken: {heard.failure}"
    return LastWord(heard.passes, broken if heard.failure else _figures(heard.found))


def _figures(found: Mapping[str, Any]) -> str:
    if "verdict" not in found:
        return f"the judge says: {found.get('reason', '')}"
    reason = f" ({found['reason']})" if found["reason"] else ""
    sides = "; ".join(
        f"{side} version {it['version']}: {it['errors']} of {it['requests']} requests failed, "
        f"p50 {it['p50_ms']} ms, p90 {it['p90_ms']} ms"
        for side, it in ((side, found[side]) for side in ("old", "new"))
    )
    evidence = ", ".join(
        f"{it['measure']} {it['evidence']:.3g} (limit {it['limit']:.0f})"
        for it in found["findings"]
    )
    shown = f"; evidence that it is worse: {evidence}" if evidence else ""
    return f"the judge says '{found['verdict']}'{reason}: {sides}{shown}"
