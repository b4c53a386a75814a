"""The one cookie: a session's token.

`__Host-`: of this host alone, over https alone; browsers take http on localhost for as good.
"""

from werkzeug.wrappers import Request, Response

NAME = "__Host-session"


def token(request: Request) -> str | None:
    """What the browser has; None: nothing."""
    return request.cookies.get(NAME)


def give(response: Response, token: str) -> None:
    """Until the browser is closed, or the session is over."""
    response.set_cookie(NAME, token, secure=True, httponly=True, samesite="Lax", path="/")


def take(response: Response) -> None:
    """At log-out."""
    response.delete_cookie(NAME, secure=True, httponly=True, samesite="Lax", path="/")
