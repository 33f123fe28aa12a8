from lading.api.answers import Answer
from lading.api.async_client import AsyncClient
from lading.api.client import Client
from lading.api.errors import LadingError
from lading.api.local_model import load
from lading.api.package import package
from lading.api.reports import report
from lading.api.retrying import Retries
from lading.api.serving import serve

__all__ = [
    "Answer",
    "AsyncClient",
    "Client",
    "LadingError",
    "Retries",
    "load",
    "package",
    "report",
    "serve",
]
