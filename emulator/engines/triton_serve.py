"""Start Triton as NVIDIA's SageMaker image does: its SageMaker mode alone, and one model.

    python triton_serve.py SERVER REPOSITORY BACKENDS serve

Run as a file, with nothing but the standard library. The model is the one that the environment
names, else the only one; options are those of the image's own `serve`, `docker/sagemaker/serve`.
"""

import os
import sys
from pathlib import Path

_MODEL = "SAGEMAKER_TRITON_DEFAULT_MODEL_NAME"
_PORT = "SAGEMAKER_BIND_TO_PORT"


def main(arguments: list[str]) -> None:
    """Become the server."""
    server, repository, backends, action = arguments
    if action != "serve":
        sys.exit(f"{action} is not offered; serve is")
    name = os.environ.get(_MODEL) or only_model(Path(repository))
    options = {
        "model-repository": repository,
        "backend-directory": backends,
        "model-control-mode": "explicit",
        "load-model": name,
        "model-namespacing": "true",
        "allow-sagemaker": "true",
        "allow-http": "false",
        "allow-grpc": "false",
        "allow-metrics": "false",
        "sagemaker-port": os.environ.get(_PORT, "8080"),
    }
    command = [server, *(f"--{key}={value}" for key, value in options.items())]
    os.execve(server, command, {**os.environ, _MODEL: name})  # noqa: S606 our own arguments


def only_model(repository: Path) -> str:
    """The only model of a repository."""
    names = sorted(folder.name for folder in repository.iterdir() if folder.is_dir())
    if len(names) != 1:
        sys.exit(f"{repository} holds {len(names)} models; name one in {_MODEL}")
    return names[0]


if __name__ == "__main__":
    main(sys.argv[1:])
