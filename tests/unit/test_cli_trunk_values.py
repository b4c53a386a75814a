"""Whatever a trunk's row may hold, an administrator can enter."""

from faxplan import cli_trunk_values, trunk_directory
from faxplan.models import Trunk

OF_EACH_COMMAND = {"host", "inbound_country"}
READ_FROM_A_FILE = {"password"}
MADE_BY_THE_DATABASE = {"id", "name", "created_at", "version", "changed_at"}


def test_every_column_of_a_trunk_has_an_option() -> None:
    options = set(vars(cli_trunk_values.options().parse_args([])))
    assert set(trunk_directory.COLUMNS) - OF_EACH_COMMAND - READ_FROM_A_FILE == options - {"password_file"}


def test_every_column_of_a_trunk_is_kept_by_the_directory() -> None:
    assert {*trunk_directory.COLUMNS, *MADE_BY_THE_DATABASE} == set(Trunk._meta.fields)
