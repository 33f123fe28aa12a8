"""The function that sends the pages, `/ui` and `/docs`, to anybody: they hold no data."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import aws_apigateway as apigateway
from constructs import Construct

from lading.stacks.function.logged_function import LoggedFunction, StageFunctions

PATHS: Final = ("/ui", "/ui/{proxy+}", "/docs")

FOR_ANYBODY: Final = apigateway.MethodDeploymentOptions(
    throttling_rate_limit=20,
    throttling_burst_limit=40,
    logging_level=apigateway.MethodLoggingLevel.ERROR,
    data_trace_enabled=False,
    metrics_enabled=False,
)
"""What bounds a method that answers without authorization."""

THROTTLING: Final[Mapping[str, apigateway.MethodDeploymentOptions]] = {
    f"{path}/GET": FOR_ANYBODY for path in PATHS
}
"""A page loads five files; more than 20 requests a second of everybody together get 429."""


class Pages(Construct):
    """The function of the pages; its role may write its own log and its traces alone.

    Args:
        scope: the API's stack.
        id_: the construct's id.
        shared: what it shares with the other functions of the stage.
        name: the function's name.
    """

    def __init__(self, scope: Construct, id_: str, *, shared: StageFunctions, name: str) -> None:
        super().__init__(scope, id_)
        self.function = LoggedFunction(
            self,
            "Function",
            shared=shared,
            name=name,
            handler="lading.functions.pages.lambda_handler.handler",
            memory_mb=256,
            timeout_s=10,
            code=shared.assets.pages(self),
        ).function
