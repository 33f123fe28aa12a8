"""The work of a stack: clients of what does it, and the names that the stack gives out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Self

from lading.api.errors import AwsRefused


class StackMachine:
    """The state machine of one model's stack in an account.

    Args:
        stack: name of the stack.
        region: the region; None: the AWS profile's.
        work: what the state machine does, for errors.
        model: the model.
        advice: how it comes to be deployed.
    """

    def __init__(
        self, stack: str, region: str | None, *, work: str, model: str, advice: str
    ) -> None:
        self._stack, self._region = stack, region
        self._work, self._model, self._advice = work, model, advice

    @classmethod
    def of_batches(cls, stack: str, model: str, region: str | None) -> Self:
        """Return the one that answers a model's batches."""
        advice = "deploy it with `batch: {}` in stages.yaml"
        return cls(stack, region, work="batches", model=model, advice=advice)

    @cached_property
    def states(self) -> Any:
        """The client of Step Functions."""
        return self._session.client("stepfunctions")

    @cached_property
    def jobs(self) -> Any:
        """The client of SageMaker."""
        return self._session.client("sagemaker")

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The outputs of the stack."""
        client = self._session.client("cloudformation")
        (stack,) = client.describe_stacks(StackName=self._stack)["Stacks"]
        return {it["OutputKey"]: str(it["OutputValue"]) for it in stack.get("Outputs", ())}

    def output(self, key: str) -> str:
        """Return one output of the stack.

        Raises:
            AwsRefused: there is none, or AWS refuses.
        """
        with self.errors():
            return self.outputs[key]

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn errors of AWS, and an output that is missing, into one clear error."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise AwsRefused(self._work, "needs boto3; install it with `make cloud`") from None
        try:
            yield
        except (BotoCoreError, ClientError, KeyError) as error:
            subject = f"{self._work} of model '{self._model}' ({self._stack})"
            raise AwsRefused(subject, f"{str(error).rstrip('.')}; {self._advice}") from error

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.session.Session(region_name=self._region)
