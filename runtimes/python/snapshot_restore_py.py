"""The registry of SnapStart's runtime hooks, with the names of the package of the same name, which Lambda's managed runtimes
bring along: a function that imports it runs here too. A copy that a function brings itself is found first.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
"""

_before_snapshot = []
_after_restore = []


def register_before_snapshot(func, *args, **kwargs):
    """Has func called when initialisation is complete, before instances are made of it; the last one registered comes first."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func, *args, **kwargs):
    """Has func called at the start of each instance; the first one registered comes first."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot():
    return _before_snapshot


def get_after_restore():
    return _after_restore
