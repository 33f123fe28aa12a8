"""Names that the judge of roll-outs shares with its stacks, its hook and its command."""

from typing import Final


class JUDGE:
    """The judge's environment variable, the lines of its log, and its metrics."""

    settings: Final = "LADING_JUDGE"
    """JSON: the function that is judged, its deployment group, and the rules."""
    function: Final = "LADING_JUDGE_FUNCTION"
    """The name of the judge's function, which the hook after traffic asks; empty for none."""

    on_broken: Final = "LADING_JUDGE_BROKEN"
    """Which of the policies the hook follows if the judge fails."""

    minute: Final = "judged minute"
    """Message of the line with the counts of one minute: what was decided can be decided again."""
    judgement: Final = "judgement"
    """Message of the line with what was found so far."""
    other_fleet: Final = "other"
    """In a request's line: the fleet of another version than the function's has answered."""
    not_stopped: Final = "not stopped"
    """Start of what a judgement says of a roll-out that is worse, and that it could not stop."""
    before: Final = -1
    """The minute of the line with the counts before the shift."""

    worse: Final = "RolloutWorse"
    """1 where the new version is worse."""
    update_worse: Final = "UpdateWorse"
    """The same of an endpoint's update. An alarm on it lets SageMaker roll the update back."""
    undecided: Final = "RolloutUndecided"
    """1 where a roll-out ended with too little traffic, or its judge is broken."""
    update_undecided: Final = "UpdateUndecided"
    evidence: Final = "RolloutEvidence"
    """The largest share of the evidence that is needed to call the new version worse."""


POLICIES: Final = ("hold", "roll_back")
"""What a stage may want where there is no verdict: the new version stays, undecided, or goes."""
