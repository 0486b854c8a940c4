"""Runs a process as a worker: cloud-runner's HTTP contract, with Python's standard library only."""
from .errors import Interrupted, PermanentError
from .server import serve

__all__ = ["Interrupted", "PermanentError", "serve"]
