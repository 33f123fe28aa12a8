"""Names of the CloudWatch alarms of a model: stacks create them, commands and guides name them."""

from typing import Final


class ALARMS:
    """Ends of the names of alarms that people look at or set by hand."""

    canary_crashes: Final = "canary-crashes"
    canary_failures: Final = "canary-failures"
    """These two roll a new version of a function back."""
    canary_quiet: Final = "canary-quiet"
    """The new version received too few requests to be judged."""
    rollout_worse: Final = "rollout-worse"
    """The judge has found a new version worse; its roll-out goes back."""
    rollout_undecided: Final = "rollout-undecided"
    """A roll-out ended without proof: too little traffic, or a judge that is broken."""
    update_crashes: Final = "update-crashes"
    update_failures: Final = "update-failures"
    """These two roll an update of an endpoint back."""
    update_worse: Final = "update-worse"
    """The judge has found the new version of an endpoint worse; this rolls the update back."""
    update_undecided: Final = "update-undecided"
    """An endpoint's update ended without proof."""
    drift: Final = "drift"
    """Inputs or answers drift from the baseline of their version."""


def alarm_name(prefix: str, alarm: str) -> str:
    """Return the full name of an alarm; the prefix is the function's or the API's name."""
    return f"{prefix}-{alarm}"


RUNBOOK: Final = "docs/runbook"
"""The folder of the runbook, unless a stage names a URL."""


def runbook_page(runbook: str, alarm: str) -> str:
    """Return where the page of an alarm is, below the folder or the URL of a runbook."""
    return f"{runbook}/{alarm}.md"
