"""The proxy as docs/portal.md has it lets through what each address takes."""

import re
from pathlib import Path

from portal.api.operations import OPERATIONS, ROOT
from portal.roles import USER
from portal.route import Route
from portal.routes import ROUTES
from portal.visit import MOST_BYTES, MOST_FIELD_BYTES, MOST_SMALL_BYTES

PAGE = (Path(__file__).parents[2] / "docs/portal.md").read_text()
LOCATION = re.compile(r"location (= |~ )?(\S+) \{([^}]*)\}")
SIZE = re.compile(r"client_max_body_size ([0-9]+)([km]);")
UNITS = {"k": 1024, "m": 1024**2}


def most(path: str) -> int:
    """What the proxy takes there, in bytes: an exact address before a pattern before all others."""
    found = LOCATION.findall(PAGE)
    exact = [inside for how, where, inside in found if how == "= " and where == path]
    patterns = [inside for how, where, inside in found if how == "~ " and re.search(where, path)]
    size = SIZE.search([*exact, *patterns, ""][0]) or SIZE.search(PAGE)
    assert size is not None
    return int(size[1]) * UNITS[size[2]]


def of_route(route: Route) -> int:
    if route.takes_files:
        return MOST_BYTES
    return MOST_SMALL_BYTES if route.takes_small_files else max(route.most_bytes, MOST_FIELD_BYTES)


def test_it_lets_through_what_each_address_takes() -> None:
    wanted = {re.sub("<[^>]*>", "1", each.path): of_route(each) for each in ROUTES if each.method == "POST"}
    for each in OPERATIONS:
        if each.method != "GET":
            path = ROOT + re.sub("<[^>]*>", "1", each.path)
            wanted[path] = max(wanted.get(path, 0), MOST_BYTES if each.takes_files else each.most_bytes)
    assert {path: most(path) for path, least in wanted.items() if most(path) < least} == {}


def test_administration_goes_to_its_own_process() -> None:
    (where,) = [where for how, where, inside in LOCATION.findall(PAGE) if how == "~ " and "8081" in inside]
    pages = [(each.path, each.role is not USER) for each in ROUTES]
    operations = [(ROOT + each.path, each.is_administration) for each in OPERATIONS]
    for path, is_administration in pages + operations:
        assert bool(re.search(where, re.sub("<[^>]*>", "1", path))) == is_administration, path
