"""Settings of the judge, from its environment."""

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from lading.functions.contract.judging import JUDGE
from lading.functions.evidence.trial import Rules, Verdict


class JudgeSettings(NamedTuple):
    """What is judged, and by which rules.

    Args:
        function: name of the model's function; metrics of the judge have it as their dimension.
        judge: name of the judge's own function, whose log keeps the counts.
        application: name of its CodeDeploy application; empty for an endpoint's updates.
        group: name of its deployment group; empty for an endpoint's updates.
        rules: what is tolerated.
        policies: verdict -> whether the new version keeps its traffic, where there is no proof.
        endpoint: name of the endpoint whose updates are judged; empty: those of the function are.
    """

    function: str
    judge: str
    application: str
    group: str
    rules: Rules
    policies: Mapping[Verdict, str]
    endpoint: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "JudgeSettings":
        """Return the settings from the JSON in the variable `LADING_JUDGE`."""
        document = json.loads(environment[JUDGE.settings])
        return cls(
            document["function"],
            document["judge"],
            document.get("application", ""),
            document.get("group", ""),
            Rules(**document["rules"]),
            {
                Verdict.TOO_LITTLE_TRAFFIC: document["on_little_traffic"],
                Verdict.BROKEN: document["on_broken"],
            },
            document.get("endpoint", ""),
        )

    def passes(self, verdict: Verdict) -> bool:
        """Return whether the new version keeps its traffic after this verdict."""
        held = verdict in self.policies and self.policies[verdict] == "hold"
        return held or verdict == Verdict.BETTER_OR_EQUAL
