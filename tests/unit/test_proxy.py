"""The proxy as conf/nginx has it lets through what each address takes."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from portal.api.operations import OPERATIONS, ROOT
from portal.roles import USER
from portal.route import Route
from portal.routes import ROUTES
from portal.visit import MOST_BYTES, MOST_FIELD_BYTES, MOST_SMALL_BYTES

CONFIGURATION = Path(__file__).parents[2] / "conf" / "nginx" / "faxplan.conf"
PAGE = CONFIGURATION.read_text()
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
    (where,) = [where for how, where, inside in LOCATION.findall(PAGE) if how == "~ " and "administration" in inside]
    pages = [(each.path, each.role is not USER) for each in ROUTES]
    operations = [(ROOT + each.path, each.is_administration) for each in OPERATIONS]
    for path, is_administration in pages + operations:
        assert bool(re.search(where, re.sub("<[^>]*>", "1", path))) == is_administration, path


def test_nginx_takes_it(tmp_path: Path) -> None:
    """With certificates and logs of this folder, and nothing started."""
    if (program := shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")) is None:
        pytest.skip("nginx is missing: apt-get install nginx")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=fax.example", "-keyout", tmp_path / "key", "-out", tmp_path / "pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    text = PAGE.replace("/etc/ssl/fax.example.pem", str(tmp_path / "pem"))
    text = text.replace("/etc/ssl/private/fax.example.key", str(tmp_path / "key"))
    text = text.replace("/var/log/nginx/faxplan.error.log", str(tmp_path / "log"))
    whole = tmp_path / "nginx.conf"
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole.write_text(f"error_log {tmp_path}/log;\npid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{temporary}{text}}}\n")
    done = subprocess.run([program, "-t", "-q", "-c", whole], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
