"""What a stranger may write wherever SIP or T.30 lets them write something."""

from urllib.parse import quote

TEXTS = [
    "O'Brien\"; drop table faxes; --",
    "a\r\nVia: b\r\n\r\nINVITE",
    "a\0b",
    "\udcff\ud800",
    "${system(touch /tmp/x)}",
    "%24%7Bsystem(id)%7D",
    "<script>alert(1)</script>",
    "../" * 100,
    "\x1b[2J\x9b2J\u202e",
    "A" * 10_000,
    ";tag=1;tag=2,<sip:x@y>",
]


def headers(text: str) -> list[tuple[str, str]]:
    """Every header of an INVITE that we look at, each with the text in all of its parts. Without line ends and NUL,
    which end a header or a message.
    """
    within = text.replace("\r", " ").replace("\n", " ").replace("\0", " ")
    display = '"' + within.replace("\\", "\\\\").replace('"', '\\"') + '"'
    user = quote(text.encode("utf-8", "surrogatepass"), safe="")
    address = f"{display} <sip:{user}@strange.example;x={user}>;y={user}"
    return [
        ("From", f"{address};tag=1"),
        ("To", f"{display} <sip:+493023125001@127.0.0.1>;user={user}"),
        ("P-Asserted-Identity", address),
        ("Remote-Party-ID", f"{address};party=calling;privacy={user}"),
        ("P-Preferred-Identity", address),
        ("Privacy", within),
        ("Diversion", f"{address};reason={user}"),
        ("Diversion", within),
        ("History-Info", f"{address};index=1"),
        ("History-Info", within),
        ("Identity", within),
        ("X-Faxplan-Trunk", within),
    ]
