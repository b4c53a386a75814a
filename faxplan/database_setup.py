"""Makes Faxplan's database on a PostgreSQL server, or brings it up to date, and notes that in the audit log."""

from faxplan import audit, installation, migrations
from faxplan.db import Database
from faxplan.installation import Installed
from faxplan.migrations import PATIENCE, Patience, Told


def create(
    superuser_url: str,
    database: str,
    actor: str,
    *,
    told: Told = lambda _: None,
    patience: Patience = PATIENCE,
) -> Installed:
    """Roles, database and schema; what was missing of them. Safe to repeat.

    `superuser_url`: libpq URL of any database of the server. told: what goes on, for people. Raises
    DatabaseUnavailable, InstallationRefused and what migrations.apply raises. The audit row has a transaction of its
    own, since a database cannot be created in one.
    """
    installed = installation.create_installation(superuser_url, database, told=told, patience=patience)
    if installed.created or installed.applied:
        _record(installation.url_of(superuser_url, database), actor, "database.create", installed)
    return installed


def migrate(
    superuser_url: str,
    database: str,
    actor: str,
    *,
    told: Told = lambda _: None,
    patience: Patience = PATIENCE,
) -> Installed:
    """Brings a database that is there to the newest level. Errors as `create`."""
    installed = installation.migrate_installation(superuser_url, database, told=told, patience=patience)
    if installed.applied:
        _record(installation.url_of(superuser_url, database), actor, "database.migrate", installed)
    return installed


def _record(url: str, actor: str, action: str, installed: Installed) -> None:
    level = len(migrations.available())
    db = Database(url, max_connections=1)
    try:
        with db.across_tenants() as tx:
            audit.record(
                tx,
                audit.INSTALLATION,
                actor=actor,
                action=action,
                object="database",
                created=installed.created,
                level=level,
            )
    finally:
        db.close()
