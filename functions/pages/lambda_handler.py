"""The Lambda entry of the function that sends the pages; it calls nothing."""

from base64 import b64encode
from typing import Any

from lading.functions.pages.files import Page, find_page

_NONE = Page(404, {"content-type": "text/plain; charset=utf-8"}, b"/ui lists the models\n")


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer one API Gateway proxy event with the page at its path.

    The path comes from the resource that matched, which has no base path of a custom domain.
    """
    below = (event.get("pathParameters") or {}).get("proxy", "")
    path = event["resource"].replace("{proxy+}", below).rstrip("/")
    path += "/" if event["path"].endswith("/") else ""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    compressed = "gzip" in headers.get("accept-encoding", "")
    page = find_page(path, compressed=compressed) or _NONE
    return {
        "statusCode": page.status,
        "headers": dict(page.headers),
        "body": b64encode(page.body).decode(),
        "isBase64Encoded": True,
    }
