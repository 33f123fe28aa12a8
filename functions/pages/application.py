"""The pages as a FastAPI application, which a server mounts beside the service."""

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from lading.functions.contract.names import VERSION
from lading.functions.pages.files import find_page

_READ = ["GET", "HEAD"]


def create_pages() -> FastAPI:
    """Return the application: `/ui`, `/ui/{model}`, `/docs`, and what they load."""
    app = FastAPI(
        title="Lading: pages", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None
    )
    for path in ("/ui", "/ui/{below:path}", "/docs", "/docs/", "/{model}/docs", "/{model}/docs/"):
        app.add_api_route(path, _show, methods=_READ, response_model=None)
    return app


async def _show(request: Request) -> Response:
    """Answer with the page at a path.

    Raises:
        HTTPException: there is none.
    """
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    compressed = "gzip" in request.headers.get("accept-encoding", "")
    page = find_page(path, compressed=compressed)
    if page is None:
        raise HTTPException(404, "there is no such page; /ui lists the models")
    return Response(page.body, page.status, dict(page.headers))
