"""What a page of the portal may do: the headers of every response, static files included.

A worker takes its policy from the response that its script came with, so the modules need the header as much as the
pages do.
"""

_DIRECTIVES = (
    "default-src 'none'",
    # WebAssembly for Argon2id, in the vault's worker; no inline script, no eval.
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "style-src 'self'",
    # blob: pages of a fax, opened in the browser.
    "img-src 'self' blob:",
    "font-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
)
CONTENT_SECURITY_POLICY = "; ".join(_DIRECTIVES)


def leading_to(hosts: str) -> str:
    """The policy of a page whose form leads on to these hosts: browsers look at where it is sent on to as well."""
    return CONTENT_SECURITY_POLICY.replace("form-action 'self'", f"form-action 'self' {hosts}")


HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Pages are of one user at one moment.
    "Cache-Control": "no-store",
}
"""Of every answer, unless it has its own."""
