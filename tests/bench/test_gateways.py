"""Gateways from files: rescan adds and never updates."""

from pathlib import Path

from bench.gateways import Gateways
from bench.sofia_command import sofia
from faxplan.switch import gateway_state_of


def write(folder: Path, name: str, **params: str) -> None:
    lines = [f'<param name="{key.replace("_", "-")}" value="{value}"/>' for key, value in params.items()]
    text = "\n".join(["<include>", f'<gateway name="{name}">', *lines, "</gateway>", "</include>", ""])
    (folder / f"{name}.xml").write_text(text, encoding="ascii")


def test_rescan_adds_and_never_updates(tmp_path: Path) -> None:
    write(tmp_path, "one", proxy="10.0.0.1", register="false")
    gateways = Gateways(tmp_path, set())
    write(tmp_path, "one", proxy="10.0.0.2", register="false")
    write(tmp_path, "two", proxy="10.0.0.3", register="false")
    assert sofia(gateways, "faxplan", "profile faxplan rescan").endswith("+OK scan complete\n")
    loaded = {gateway.name: gateway.parameters["proxy"] for gateway in gateways.all()}
    assert loaded == {"one": "10.0.0.1", "two": "10.0.0.3"}
    assert sofia(gateways, "faxplan", "profile faxplan killgw one") == "+OK gateway marked for deletion.\n"
    assert "complete" in sofia(gateways, "faxplan", "profile faxplan startgw one")
    assert "10.0.0.2" in sofia(gateways, "faxplan", "status gateway one")


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    write(tmp_path, "nameless", proxy="10.0.0.1")  # registers, for that is the default, and cannot
    (tmp_path / "oneline.xml").write_text('<include><gateway name="lost"/></include>', encoding="ascii")
    gateways = Gateways(tmp_path, set())
    assert gateways.all() == []
    assert "-ERR cannot add gateway nobody" in sofia(gateways, "faxplan", "profile faxplan startgw nobody")
    assert sofia(gateways, "faxplan", "profile other rescan") == "Invalid Profile [other]"
    assert sofia(gateways, "faxplan", "status gateway nobody") == "Invalid Gateway!\n"


def test_a_gateway_that_is_down_says_so(tmp_path: Path) -> None:
    write(tmp_path, "dead", register="false")
    assert "Status  \tDOWN" in sofia(Gateways(tmp_path, {"dead"}), "faxplan", "status gateway dead")


def test_a_registration_says_how_far_it_is(tmp_path: Path) -> None:
    write(tmp_path, "good", register="true", username="fax", password="secret")
    write(tmp_path, "bad", register="true", username="fax", password="wrong")
    gateways = Gateways(tmp_path, {"bad"})
    said = {
        name: gateway_state_of(sofia(gateways, "faxplan", f"xmlstatus gateway {name}")).registration
        for name in ("good", "bad", "none")
    }
    assert said == {"good": "REGED", "bad": "FAIL_WAIT", "none": ""}
