"""How requests are refused that are not HTTP as it is spoken here, or too many at once (contract, section 1)."""

from collections.abc import Iterable

from shared.errors import ApiError, RateLimited


class MethodNotAllowed(ApiError):
    status = 405
    code = "method_not_allowed"
    message = "This resource does not support this method."
    meaning = "The path exists, and does not support the method."
    remedy = "Use one of the methods that the header `Allow` lists."

    def __init__(self, allowed: Iterable[str]) -> None:
        methods = set(allowed)
        if "GET" in methods:
            methods.add("HEAD")
        super().__init__(headers={"Allow": ", ".join(sorted(methods))})


class RequestTimeout(ApiError):
    """RFC 9110, section 15.5.9: the connection is closed after this answer."""

    status = 408
    code = "request_timeout"
    message = "The request body was not received in time."
    meaning = (
        "The body did not arrive within 10 seconds, or paused for 30 where it may take long. The connection is closed."
    )
    remedy = "Send the request again over a new connection."

    def __init__(self) -> None:
        super().__init__(headers={"Connection": "close"})


class UriTooLong(ApiError):
    status = 414
    code = "uri_too_long"
    message = "The request target is too long."
    meaning = "The request target has more than 8,190 bytes. The connection is closed."
    remedy = "Shorten the query."


class UnsupportedMediaType(ApiError):
    status = 415
    code = "unsupported_media_type"
    message = "The body must be application/json."
    meaning = (
        "The body is not JSON in UTF-8, or is compressed. `/oauth/token` takes a form instead, and an import a file of"
        " a type that `message` names."
    )
    remedy = "Send `Content-Type: application/json`, and no `Content-Encoding`."


class TooManyStreams(RateLimited):
    code = "too_many_streams"
    meaning = "The user has as many streams and waiting requests open as one user may have."
    remedy = "Close one, or wait until one ends. One connection can follow many things at once."

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.message = "Too many streams of this user are open."


class HeadersTooLarge(ApiError):
    """RFC 6585, section 5."""

    status = 431
    code = "headers_too_large"
    message = "The request's headers are too large."
    meaning = (
        "A header has more than 8,190 bytes, the head more than 32 KiB, or there are more than 64 headers. The"
        " connection is closed."
    )
    remedy = "Send fewer or shorter headers, cookies above all."


class MethodNotImplemented(ApiError):
    """RFC 9110, section 15.6.2: no resource supports the method, so there is no `Allow` header."""

    status = 501
    code = "method_not_implemented"
    message = "This method is not supported by any resource."
    meaning = "No resource supports the method."
    remedy = "Use GET, HEAD, POST, PUT, PATCH or DELETE."
