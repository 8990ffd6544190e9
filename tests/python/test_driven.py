"""Every operation that exists was driven by boto3, with success, by the tests before this one."""

from cloudlet import driven
from test_models import OPERATIONS


def test_every_operation_was_driven():
    # The official SDKs have no client for what is our own: commands drive it, in test_cli.py, and pages, in test_follow.py.
    existing = {(row["Model"], row["Operation"]) for row in OPERATIONS if not row["Model"].startswith("cloudlet")}
    missing = sorted(existing - driven)
    assert not missing, f"no test gets a successful answer from {missing}"
