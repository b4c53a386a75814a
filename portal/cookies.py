"""The cookies: a session's token, the browser's own, which outlives sessions and logs nobody in, and that of a log-in
elsewhere.

`__Host-`: of this host alone, over https alone; browsers take http on localhost for as good.
"""

from werkzeug.wrappers import Request, Response

from faxplan import browsers

NAME = "__Host-session"
BROWSER = "__Host-browser"
SIGN_ON = "__Host-sign-on"
SIGN_ON_SECONDS = 600


def asked(request: Request) -> tuple[str, str]:
    """What this browser was given when it went to log in elsewhere, and where it was going; both empty: it did not, or
    long ago."""
    written, _bar, to = request.cookies.get(SIGN_ON, "").partition("|")
    return written, to


def give_asked(response: Response, written: str, to: str) -> None:
    """Until it comes back. to: an address of ours, or empty."""
    response.set_cookie(
        SIGN_ON, f"{written}|{to}", max_age=SIGN_ON_SECONDS, secure=True, httponly=True, samesite="Lax", path="/"
    )


def take_asked(response: Response) -> None:
    """It has come back."""
    response.delete_cookie(SIGN_ON, secure=True, httponly=True, samesite="Lax", path="/")


def token(request: Request) -> str | None:
    """What the browser has; None: nothing."""
    return request.cookies.get(NAME)


def give(response: Response, token: str) -> None:
    """Until the browser is closed, or the session is over."""
    response.set_cookie(NAME, token, secure=True, httponly=True, samesite="Lax", path="/")


def take(response: Response) -> None:
    """At log-out."""
    response.delete_cookie(NAME, secure=True, httponly=True, samesite="Lax", path="/")


def browser(request: Request) -> str | None:
    """By what this browser is known (faxplan/browsers.py); None: by nothing."""
    return request.cookies.get(BROWSER)


def give_browser(response: Response, token: str) -> None:
    """For as long as the browser is known by it."""
    seconds = browsers.DAYS * 86400
    response.set_cookie(BROWSER, token, max_age=seconds, secure=True, httponly=True, samesite="Lax", path="/")
