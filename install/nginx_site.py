"""Prints conf/nginx/faxplan.conf for a domain, a certificate and its key.

install/nginx_site.py DOMAIN CERTIFICATE KEY > /etc/nginx/conf.d/faxplan.conf
"""

import re
import sys
from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[1] / "conf" / "nginx" / "faxplan.conf"
EXAMPLE = "fax.example"


def site(domain: str, certificate: str, key: str) -> str:
    """The sample, as it is for this domain."""
    text = SAMPLE.read_text(encoding="utf-8")
    text = text.replace(f"/etc/ssl/{EXAMPLE}.pem", certificate).replace(f"/etc/ssl/private/{EXAMPLE}.key", key)
    # With its port, where that is another one outside: the portal compares what a browser says it comes from.
    text = text.replace(EXAMPLE, domain).replace("Host $host;", "Host $http_host;")
    if domain == "localhost" or domain.endswith(".localhost"):
        # Browsers would take no http from `make run` any more, for two years.
        text = re.sub(r"^ *add_header Strict-Transport-Security .*\n", "", text, flags=re.MULTILINE)
    return text


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.stdout.write(site(*sys.argv[1:]))
