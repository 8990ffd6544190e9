"""Every operation that exists was driven by boto3, with success: looked at when all the tests have run, in however many processes."""

from pathlib import Path

import pytest

# The operations, as (model, name), that any client in this process was answered with success.
driven = set()
_missing = []
_whole = []


def note(http_response, model, **_):
    """What boto3 calls after each call: see its event `after-call`."""
    if http_response.status_code < 300:
        driven.add((model.service_model.service_name, model.name))


def pytest_collection_finish(session):
    """Only where all tests run can something be missing."""
    files = {item.path for item in session.items}
    everything = files == set(Path(__file__).parent.glob("test_*.py")) and not session.config.option.keyword
    _whole.append(everything and not session.config.option.markexpr)


def pytest_sessionfinish(session, exitstatus):
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["driven"] = sorted(driven)
        output["whole"] = all(_whole)
    elif _whole and all(_whole) and exitstatus == 0:
        _missing.extend(_not_driven())
        session.exitstatus = 1 if _missing else exitstatus


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """What xdist calls when one of its processes has ended."""
    output = getattr(node, "workeroutput", {})
    driven.update(map(tuple, output.get("driven", [])))
    _whole.append(output.get("whole", False))


def pytest_terminal_summary(terminalreporter):
    if _missing:
        terminalreporter.write_line(f"no test gets a successful answer from {_missing}", red=True)


def _not_driven():
    from test_models import OPERATIONS

    # The official SDKs have no client for what is our own: commands drive it, in test_cli.py, and pages, in test_follow.py.
    existing = {(row["Model"], row["Operation"]) for row in OPERATIONS if not row["Model"].startswith("cloudlet")}
    return sorted(existing - driven)
