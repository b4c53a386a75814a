"""Prints the site of docs/portal.md for nginx, with its block for administration, for a domain and a certificate.

    install/nginx_site.py DOMAIN CERTIFICATE KEY > /etc/nginx/sites-available/faxplan

The page says why each line is there; this takes them from there, so that what is read and what is installed are one.
"""

import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "portal.md"
EXAMPLE = "fax.example"


def site(domain: str, certificate: str, key: str) -> str:
    """Both blocks as one server, and port 80, which leads to https."""
    text = PAGE.read_text(encoding="utf-8")
    (server,) = re.findall(r"^    (server \{\n.*?\n    \}\n.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    block = r"^        (location ~ \^\(/api/v1\).*?\n        \}\n)"
    (administration,) = re.findall(block, text, re.MULTILINE | re.DOTALL)
    head, rest = server.split("        location / {", 1)
    whole = f"{head}        {administration}        location / {{{rest}"
    whole = re.sub(r"^ {4}", "", whole, flags=re.MULTILINE)
    whole = whole.replace(f"/etc/ssl/{EXAMPLE}.pem", certificate).replace(f"/etc/ssl/private/{EXAMPLE}.key", key)
    whole = whole.replace(EXAMPLE, domain)
    # With its port, where that is another one outside: the portal compares what a browser says it comes from.
    whole = whole.replace("Host $host;", "Host $http_host;")
    if domain == "localhost" or domain.endswith(".localhost"):
        # Browsers would take no http from `make run` any more, for two years.
        whole = re.sub(r"^ *add_header Strict-Transport-Security .*\n", "", whole, flags=re.MULTILINE)
    plain = f"server {{\n    listen 80;\n    server_name {domain} *.{domain};\n    return 301 https://$host$request_uri;\n}}\n"
    return f"# Written by install/nginx_site.py, of docs/portal.md.\n{plain}{whole}\n"


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.stdout.write(site(*sys.argv[1:]))
