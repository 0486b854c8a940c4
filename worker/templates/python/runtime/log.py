"""Structured lines on stdout, the format that Cloud Logging reads (cloud.google.com/logging/docs/structured-logging)."""
import contextvars
import datetime
import io
import json
import sys
import threading

_writing = threading.Lock()
#: The log of the file in hand; threads that its processing starts have none.
_current = contextvars.ContextVar("log", default=None)


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
            sys.__stdout__.write(json.dumps(entry, default=str) + "\n")
            sys.__stdout__.flush()

    def labelled(self, labels, trace=None):
        """A log whose lines also carry these labels, by which `cloud-runner logs OBJECT` finds them."""
        return Log({**self._labels, **labels}, trace or self._trace)


class Printed(io.TextIOBase):
    """Stands for sys.stdout: each printed line is a line of the log, labelled with the file in progress."""

    def __init__(self, log):
        self._log = log
        self._pending = threading.local()

    def writable(self):
        return True

    def write(self, text):
        *lines, self._pending.text = (getattr(self._pending, "text", "") + text).split("\n")
        for line in lines:
            (_current.get() or self._log)("INFO", line)
        return len(text)


def log_prints(log):
    """Turns what code prints into lines of the log; `log` takes those that belong to no file."""
    sys.stdout = Printed(log)


def label_prints(log):
    """Labels what this thread prints from now on as `log` does."""
    _current.set(log)
