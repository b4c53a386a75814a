"""Makes the two organisations of `make run` in an installation, with a trunk that leads back to its own FreeSWITCH.

For a machine to try things on (install/provision.sh). Run by the release's Python, as root, with the installation's
settings; their passwords are put into the folder that is named. Twice makes nothing twice.

    /usr/local/lib/faxplan/current/bin/python install/demo_tenants.py FOLDER SIP-PORT
"""

import sys
from pathlib import Path

from faxplan import config, demo
from faxplan.db import Database
from faxplan.errors import FaxplanError


def main(folder: Path, port: int) -> int:
    """Prints who there is, and where the passwords are."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        settings = config.load()
        admin = Database(settings.database_url_for("admin"))
        portal = Database(settings.database_url_for("portal"))
        made = demo.ensure(admin, carrier_port=port)
        for party in (made.sender, made.receiver):
            demo.enrol(portal, party, folder)
            print(f"{party.tenant.slug}: {party.user.email}, {party.did}, password in {folder / party.user.email}")
    except FaxplanError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
