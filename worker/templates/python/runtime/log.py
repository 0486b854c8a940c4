"""Structured lines on stdout, the format that Cloud Logging reads (cloud.google.com/logging/docs/structured-logging)."""
import datetime
import json
import sys
import threading

_writing = threading.Lock()


def now():
    """RFC 3339, UTC."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Log:
    def __init__(self, labels=None, trace=None):
        self._labels = labels or {}
        self._trace = trace

    def __call__(self, severity, message, **fields):
        entry = {**fields, "severity": severity, "message": message, "time": now()}
        if self._labels:
            entry["logging.googleapis.com/labels"] = self._labels
        if self._trace:
            entry["logging.googleapis.com/trace"] = self._trace
        with _writing:
            sys.stdout.write(json.dumps(entry, default=str) + "\n")
            sys.stdout.flush()

    def labelled(self, labels, trace=None):
        """A log whose lines also carry these labels, by which `cloud-runner logs OBJECT` finds them."""
        return Log({**self._labels, **labels}, trace or self._trace)
