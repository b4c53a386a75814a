"""Reading dial strings: what FreeSWITCH would read, and an error for what it would lose."""

import pytest

from bench.dial_string import parse_originate
from bench.errors import InvalidDialString

LEG = "sofia/gateway/carrier/+49301234"


def test_a_dial_string_as_ours() -> None:
    read = parse_originate(
        "{origination_uuid=1-2,api_hangup_hook='python::fax_out::settle 17',execute_on_answer='sched_hangup +3600 x'}"
        f"{LEG} '&python(fax_out 17)'"
    )
    assert read.variables == {
        "origination_uuid": "1-2",
        "api_hangup_hook": "python::fax_out::settle 17",
        "execute_on_answer": "sched_hangup +3600 x",
    }
    assert (read.gateway, read.number) == ("carrier", "+49301234")
    assert (read.application, read.application_data) == ("python", "fax_out 17")


@pytest.mark.parametrize(
    ("written", "value"), [(r"x\,y", "x,y"), (r"x\sy", "x y"), (r"it\\\'s", "it's"), ("a=b", "a=b")]
)
def test_escapes(written: str, value: str) -> None:
    assert parse_originate(f"{{b={written}}}{LEG} &park()").variables == {"b": value}


@pytest.mark.parametrize(
    "argument",
    [
        f"{{b='x,y'}}{LEG} &park()",
        f"{LEG} &python(fax_out 17)",
        f"{{b=${{c}}}}{LEG} &park()",
        f"{{^^:a=x,y:b=z}}{LEG} &park()",
        f"{{a=1,a=2}}{LEG} &park()",
        f"{{a=1{LEG} &park()",
        f"{LEG},{LEG} &park()",
        f"{LEG}|{LEG} &park()",
        f"[a=1]{LEG} &park()",
        "sofia/external/1@host &park()",
        "sofia/gateway/carrier/1@host &park()",
        "sofia/gateway/carrier/1;x=y &park()",
        f"{LEG} 1234",
        f"{LEG} '&python(fax_out (17))'",
        f"{LEG}",
    ],
)
def test_what_we_never_emit_is_an_error(argument: str) -> None:
    with pytest.raises(InvalidDialString):
        parse_originate(argument)
