"""Every route of every dialect, and which dialect a path belongs to; standard library only.

Routes are templates below a base URL. Every model has a base URL of its own, `/{model}`, and the
root of the API is the base URL of all models together. Where two dialects claim a path, one of
them owns it and answers for both: docs/adr/0021.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from lading.functions.contract.names import RESERVED_NAMES


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a dialect: `template` is matched segment by segment."""

    operation: str
    method: str
    template: str

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The template's parameters when `segments` fit it, else None."""
        wanted = _template_segments(self.template)
        if len(wanted) != len(segments):
            return None
        parameters = {}
        for want, have in zip(wanted, segments, strict=True):
            if want.startswith("{"):
                if not have:
                    return None
                parameters[want[1:-1]] = have
            elif want != have and not (want[0] == ":" and want == have.lower()):
                return None
        return parameters


def split_path(path: str) -> tuple[str, ...]:
    """Segments of a path; TensorFlow Serving's `:verb` is a segment of its own.

    >>> split_path("/v1/models/digits:predict")
    ('v1', 'models', 'digits', ':predict')
    """
    return tuple(path.strip("/").replace(":", "/:").split("/"))


_template_segments = cache(split_path)


def _model_routes(prefix: str, *operations: tuple[str, str, str]) -> Iterator[Route]:
    """Each operation at a model, at one version of it and at one label."""
    for operation, method, suffix in operations:
        for at in ("", "/versions/{version}", "/labels/{label}"):
            yield Route(operation, method, f"{prefix}/models/{{model}}{at}{suffix}")


MULTI_MODEL = (
    Route("load", "POST", "/models"),
    Route("list", "GET", "/models"),
    Route("describe", "GET", "/models/{model}"),
    Route("unload", "DELETE", "/models/{model}"),
    Route("invoke", "POST", "/models/{model}/invoke"),
)
"""SageMaker's multi-model contract, which only a container that SageMaker starts for it serves."""

ROUTES = MappingProxyType(
    {
        "open_inference": (
            Route("server_metadata", "GET", "/v2"),
            Route("live", "GET", "/v2/health/live"),
            Route("ready", "GET", "/v2/health/ready"),
            Route("statistics", "GET", "/v2/models/stats"),
            Route("index", "POST", "/v2/repository/index"),
            Route("load", "POST", "/v2/repository/models/{model}/load"),
            Route("unload", "POST", "/v2/repository/models/{model}/unload"),
            *_model_routes(
                "/v2",
                ("model_metadata", "GET", ""),
                ("model_ready", "GET", "/ready"),
                ("config", "GET", "/config"),
                ("statistics", "GET", "/stats"),
                ("infer", "POST", "/infer"),
                ("generate", "POST", "/generate"),
                ("generate_stream", "POST", "/generate_stream"),
            ),
        ),
        "tensorflow_serving": (
            Route("models", "GET", "/v1/models"),
            *_model_routes(
                "/v1",
                ("predict", "POST", ":predict"),
                ("classify", "POST", ":classify"),
                ("regress", "POST", ":regress"),
                ("status", "GET", ""),
                ("metadata", "GET", "/metadata"),
            ),
        ),
        "plain": (
            Route("predict", "POST", "/predict"),
            Route("predict", "POST", "/predict/{model}"),
            Route("predict", "POST", "/predict/{model}/versions/{version}"),
            Route("predict", "POST", "/predict/{model}/labels/{label}"),
            Route("predict", "POST", "/predict/versions/{version}"),
            Route("predict", "POST", "/predict/labels/{label}"),
        ),
        "openai": (
            Route("chat", "POST", "/v1/chat/completions"),
            Route("complete", "POST", "/v1/completions"),
            Route("embed", "POST", "/v1/embeddings"),
        ),
        "torchserve": (
            Route("predict", "POST", "/predictions/{model}"),
            Route("predict", "PUT", "/predictions/{model}"),
            Route("predict", "POST", "/predictions/{model}/{version}"),
            Route("predict", "PUT", "/predictions/{model}/{version}"),
            Route("explain", "POST", "/explanations/{model}"),
        ),
        "sagemaker": (
            Route("ping", "GET", "/ping"),
            Route("invoke", "POST", "/invocations"),
            *MULTI_MODEL,
        ),
    }
)
"""Every data-plane route, by dialect."""

LOOKED_UP = frozenset(
    (
        *("ping", "live", "ready", "model_ready", "status", "models"),
        *("server_metadata", "model_metadata", "metadata", "config", "statistics", "index"),
    )
)
"""Operations that only read what is in memory, and so need not wait behind predictions."""

PREFIXES: MappingProxyType[tuple[str, ...], str] = MappingProxyType(
    {
        ("v2",): "open_inference",
        ("v1",): "tensorflow_serving",
        ("v1", "chat"): "openai",
        ("v1", "completions"): "openai",
        ("v1", "embeddings"): "openai",
        ("predictions",): "torchserve",
        ("explanations",): "torchserve",
        ("wfpredict",): "torchserve",
        ("workflows",): "torchserve",
        ("ping",): "sagemaker",
        ("invocations",): "sagemaker",
        ("models",): "sagemaker",  # where SageMaker has models loaded; else the control plane's
    }
)
"""First segment, or first two -> the dialect that owns what is below; two go before one."""


def dialect_of(segments: tuple[str, ...]) -> str:
    """The dialect that owns a path, and answers there for what is not found.

    >>> dialect_of(("v2", "health", "live"))
    'open_inference'
    """
    return PREFIXES.get(segments[:2]) or PREFIXES.get(segments[:1], "plain")


_CONTROL = (Route("describe", "GET", "/models/{model}"),)


def named_model(path: str) -> str:
    """The model that a path below the API's root names; empty when it names none.

    >>> named_model("/digits/predict"), named_model("/v1/models/digits:predict")
    ('digits', 'digits')
    >>> named_model("/v2/health/ready")
    ''
    """
    segments = split_path(path)
    if segments[0] not in RESERVED_NAMES:
        return segments[0]
    routes = _CONTROL if segments[0] == "models" else ROUTES[dialect_of(segments)]
    matches = (route.match(segments) for route in routes)
    return next((match.get("model", "") for match in matches if match is not None), "")
