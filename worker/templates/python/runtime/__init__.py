"""What runs a process as a worker: the HTTP contract of cloud-runner, by Python's standard library alone."""
from .errors import Interrupted, PermanentError
from .server import serve

__all__ = ["Interrupted", "PermanentError", "serve"]
