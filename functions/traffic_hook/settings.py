"""Settings of the traffic hook, from its environment."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lading.functions.contract.judging import JUDGE, POLICIES
from lading.functions.contract.names import HOOK


class GoldenPlace(NamedTuple):
    """A version of the model, and where its golden requests are; see `HookSettings`."""

    version: int
    golden: str
    owner: str


@dataclass(frozen=True, slots=True)
class HookSettings:
    """The roll-out that the hook works for.

    Args:
        model: name of the model.
        version: the model's version that must answer.
        function: name of the model's function.
        golden: path of the golden requests, or `s3://bucket/key`; empty: there are none.
        owner: the account that the bucket must belong to; empty: any.
        layer: ARN of a layer version of another publisher; empty: there is none to compare.
        layer_sha256: SHA-256 of its zip in base64.
        judge: name of the function that judges the roll-out; empty: there is none.
        holds_broken: whether the new version stays if that function fails.
        beside: the other versions of the model that must answer, in the same function.
    """

    model: str
    version: int
    function: str
    golden: str
    owner: str = ""
    layer: str = ""
    layer_sha256: str = ""
    judge: str = ""
    holds_broken: bool = False
    beside: tuple["GoldenPlace", ...] = ()

    @property
    def versions(self) -> tuple["GoldenPlace", ...]:
        """Every version that must answer, with the place of its golden requests."""
        return (GoldenPlace(self.version, self.golden, self.owner), *self.beside)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "HookSettings":
        """Return the settings from the variables that `contract.HOOK` names."""
        return cls(
            model=environment[HOOK.model],
            version=int(environment[HOOK.version]),
            function=environment[HOOK.function],
            golden=environment[HOOK.golden],
            owner=environment.get(HOOK.owner, ""),
            layer=environment.get(HOOK.layer, ""),
            layer_sha256=environment.get(HOOK.layer_sha256, ""),
            judge=environment.get(JUDGE.function, ""),
            holds_broken=environment.get(JUDGE.on_broken) == POLICIES[0],
            beside=tuple(
                GoldenPlace(int(version), golden, owner)
                for version, (golden, owner) in json.loads(
                    environment.get(HOOK.beside) or "{}"
                ).items()
            ),
        )
