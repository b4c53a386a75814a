"""conf/prometheus and conf/grafana: of metrics that there are, and expressions that are whole.

Which metrics there are docs/metrics.md says, and tests/db/test_monitoring.py that it says it rightly.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
RULES = PROJECT / "conf" / "prometheus" / "faxplan.rules.yml"
DASHBOARD = PROJECT / "conf" / "grafana" / "faxplan.json"


def described() -> dict[str, set[str]]:
    """The labels of each metric."""
    found = {}
    for line in (PROJECT / "docs" / "metrics.md").read_text().splitlines():
        if line.startswith("| `faxplan_"):
            names, labels, _ = line.strip("|").split("|", 2)
            for name in re.findall(r"`(faxplan_\w+)`", names):
                found[name] = set(re.findall(r"`(\w+)`", labels))
    return found


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text())["panels"])


EXPRESSIONS = {
    **{each["alert"]: each["expr"] for each in alerts()},
    **{f"{each['title']} {target['refId']}": target["expr"] for each in panels() for target in each["targets"]},
}


def metric_of(name: str) -> str:
    """Of a histogram's series the histogram."""
    return re.sub(r"_(bucket|sum|count)$", "", name) if name.endswith(("_bucket", "_sum", "_count")) else name


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_expressions_are_of_metrics_and_labels_that_there_are(what: str) -> None:
    expression = EXPRESSIONS[what]
    known = described()
    used = {metric_of(name) for name in re.findall(r"\bfaxplan_\w+", expression)}
    others = {"up{" in expression, "process_resident_memory_bytes{" in expression}
    assert used or True in others
    assert used <= known.keys()
    # What is selected by; of every series there are job and instance.
    for name, selectors in re.findall(r"\b(faxplan_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors))
        assert labels <= known[metric_of(name)] | {"job", "instance"}
    grouped = {
        each.strip() for found in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for each in found.split(",")
    }
    assert grouped <= set().union(*(known[name] for name in used)) | {"instance", "le"}


@pytest.mark.parametrize("what", EXPRESSIONS)
def test_expressions_are_whole(what: str) -> None:
    bare = re.sub(r'"[^"]*"', '""', EXPRESSIONS[what])
    assert bare.count('"') % 2 == 0
    open_ones = []
    for each in bare:
        if each in "([{":
            open_ones.append(each)
        elif each in ")]}":
            assert open_ones
            assert open_ones.pop() + each in ("()", "[]", "{}")
    assert not open_ones
    assert not re.search(r"(^|[(,])\s*(and|or|on|by|[*/+<>=])", bare.strip())


def test_promtool_reads_them(tmp_path: Path) -> None:
    """By Prometheus' own parser, where it is installed."""
    if (program := shutil.which("promtool")) is None:
        pytest.skip("promtool is missing: apt-get install prometheus")
    recorded = [
        {"record": f"r{number}", "expr": each.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for number, each in enumerate(EXPRESSIONS.values())
    ]
    copy = tmp_path / "all.yml"
    copy.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": recorded}]}))
    for file in (RULES, copy):
        done = subprocess.run([program, "check", "rules", str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_alerts_say_what_it_is_and_what_to_do() -> None:
    names = [each["alert"] for each in alerts()]
    assert len(names) == len(set(names))
    for each in alerts():
        assert each["labels"]["severity"] in ("page", "ticket")
        assert each["annotations"].keys() == {"summary", "description"}


def test_panels_have_places_of_their_own() -> None:
    taken: set[tuple[int, int]] = set()
    for each in panels():
        at = each["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({each["id"] for each in panels()}) == len(panels())
