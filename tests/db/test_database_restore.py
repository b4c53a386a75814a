"""The moment in which a restored database gets its name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from faxplan import database_restore, migrations
from faxplan.database_restore import RestoreFailed
from faxplan.installation import url_of
from tests.installations import Installation


@pytest.mark.parametrize("who", ["comes to the one that is there", "is in the new one"])
def test_whoever_comes_in_that_moment_leaves_the_database_its_name(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    name, server = installation.database, installation.cluster.superuser_url("postgres")
    url = installation.url("postgres")
    here = [psycopg2.connect(url)]
    with here[0] as connection, connection.cursor() as cursor:
        cursor.execute("insert into tenants (slug, name, country, time_zone) values ('acme', 'Acme', 'DE', 'UTC')")
    here.pop().close()
    examined: Callable[..., Any] = database_restore._examined

    def then_somebody_comes(*given: Any) -> Any:
        found = examined(*given)
        if asked:
            comes_to = name if who.startswith("comes") else f"{name}_unfinished"
            here.append(psycopg2.connect(url_of(url, comes_to)))
        asked.append(True)
        return found

    asked: list[bool] = []
    monkeypatch.setattr(database_restore, "_examined", then_somebody_comes)
    monkeypatch.setattr(database_restore, "_load", lambda *_: None)
    monkeypatch.setattr(migrations, "apply", lambda *_, **__: [])
    with Path("/dev/null").open("rb") as dump, pytest.raises(RestoreFailed, match="is as it was"):
        database_restore.restore(server, name, dump, replace_as=f"{name}_before")
    for each in here:
        each.close()
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from tenants")
        assert (cursor.fetchone() or (0,))[0] >= 1
    connection.close()
