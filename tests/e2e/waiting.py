"""Waiting for what other processes do."""
import time


def wait_until(condition, timeout_s=60, what=None, interval_s=0.05):
    """Calls condition() until it is true, and returns what it returned. It is the deadline of a failure, not a measure."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what or condition.__name__}")
        time.sleep(interval_s)
