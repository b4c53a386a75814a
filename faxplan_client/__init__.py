"""A client of Faxplan's API: sends faxes, looks after them, and opens them on this machine.

    from faxplan_client import Client

    client = Client("https://acme.fax.example.com", "fxp_...")
    (fax,) = client.send("+4930123456", "letter.pdf").faxes
    print(client.wait(fax.id).state)

It needs Python 3.11 and `cryptography`, and nothing of the server. docs/client.md describes it.
"""

from faxplan_client.bodies import File
from faxplan_client.client import Client, Opened
from faxplan_client.errors import (
    CannotOpen,
    ClientError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    Gone,
    Invalid,
    InvalidAddress,
    NotAuthenticated,
    NotFound,
    Problem,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
)
from faxplan_client.keys import Keyring, Password, ReaderKey, RecoveryCode
from faxplan_client.requests import Cover, HowToRead, Link, NewPace, NewRetries

__all__ = [
    "CannotOpen",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "Cover",
    "File",
    "Forbidden",
    "Gone",
    "HowToRead",
    "Invalid",
    "InvalidAddress",
    "Keyring",
    "Link",
    "NewPace",
    "NewRetries",
    "NotAuthenticated",
    "NotFound",
    "Opened",
    "Password",
    "Problem",
    "ReaderKey",
    "RecoveryCode",
    "TooManyRequests",
    "Unavailable",
    "UnexpectedAnswer",
]
