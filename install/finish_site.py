"""The end of `make docs`: the built site fetches nothing from elsewhere, so that nobody is told who reads what.

Zensical's pages have their search, where they are opened from a folder, from a script (iframe-worker, MIT) at another's
address: that lies beside this file, and goes along. Ends with 1 where a page or style sheet would fetch anything else.
"""

import re
import shutil
import sys
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "build" / "site"
SHIM = Path(__file__).with_name("iframe-worker.js")
ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
# Links that a reader may click are none of these.
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|object|embed)\b[^>]*?\s(?:src|data)=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b[^>]*?\shref=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|@import\s+(?:url\()?["']?((?:https?:)?//[^"')\s]+)|url\(["']?((?:https?:)?//[^"')]+)""",
    re.IGNORECASE,
)


def main() -> int:
    """Of build/site."""
    shutil.copy(SHIM, SITE / "assets" / "javascripts" / SHIM.name)
    wrong = []
    for page in sorted([*SITE.rglob("*.html"), *SITE.rglob("*.css")]):
        text = page.read_text(encoding="utf-8")
        if ELSEWHERE in text:
            up = "../" * (len(page.relative_to(SITE).parts) - 1)
            text = text.replace(ELSEWHERE, f"{up}assets/javascripts/{SHIM.name}")
            page.write_text(text, encoding="utf-8")
        wrong += [f"{page.relative_to(SITE)}: {next(filter(None, each))}" for each in FETCHED.findall(text)]
    for line in wrong:
        print(f"make docs: it would be fetched from elsewhere: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
