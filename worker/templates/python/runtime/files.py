"""What a process receives: the input file, the output, and the context."""
import json
import os
import time
from contextlib import contextmanager

from . import storage
from .errors import Gone, Interrupted, misused


# The most that is read to verify what a process refused, so that a bad file is still recorded within its delivery.
MOST_VERIFIED_BYTES = 1 << 30
LONGEST_VERIFYING_SECONDS = 10


class Input:
    """One generation of an object, readable as often as needed."""

    def __init__(self, delivery, resource):
        self.bucket = delivery.bucket
        self.object = delivery.object
        self.generation = delivery.generation
        self.size = int(resource["size"])
        self.content_type = resource.get("contentType")
        #: Custom metadata of the object, such as `label-column`.
        self.metadata = resource.get("metadata", {})
        self._resource = resource
        self._opened = []

    def open(self):
        """The bytes from the start, as a binary file. Its errors are the storage's: do not catch them."""
        with self._existing():
            content = storage.read(self.bucket, self.object, self._resource)
            self._opened.append(content.raw)
            return content

    def verify(self):
        """Raises StorageError if the process received bytes that were damaged on their way."""
        until = time.monotonic() + LONGEST_VERIFYING_SECONDS
        with self._existing():
            for stream in self._opened:
                stream.verify(MOST_VERIFIED_BYTES, until)

    @contextmanager
    def _existing(self):
        try:
            yield
        except storage.StorageError as error:
            if error.status == 404:
                raise Gone(f"Generation {self.generation} of {self.object} is gone.") from error
            raise


class Output:
    """What a process produces: one result, or several files."""

    def __init__(self, writer, outputs, content_type, check):
        #: Content type of the result; set it before the first write. The default is the input's.
        self.content_type = content_type
        self.sidecars = {}
        self._writer = writer
        self._outputs = outputs
        self._check = check

    def write(self, chunk):
        """Adds text or bytes to the result."""
        if self._outputs.files:
            raise misused("Write either one result with output.write, or files with output.file.")
        self._check()
        self._writer.write(chunk, self.content_type)

    def file(self, name, content_type=None):
        """Starts an output under a name of its own, such as "invoice.json"; instead of `write`. Has `write(chunk)`."""
        if self._writer.size:
            raise misused("Write either one result with output.write, or files with output.file.")
        return self._outputs.file(name, content_type)

    def sidecar(self, name, content):
        """Adds a JSON file beside the result: "report.json" or "model.json"."""
        if name not in ("report.json", "model.json"):
            raise ValueError(f'A sidecar is "report.json" or "model.json", not "{name}".')
        self.sidecars[name] = json.dumps(content, indent=2)


class Context:
    """What a process receives in addition to the file."""

    environment = os.environ

    def __init__(self, log, interruption):
        #: A structured line, labelled with the file: log("INFO", message, field=value).
        self.log = log
        self._interruption = interruption

    def check(self):
        """Raises at shutdown and shortly before the delivery's deadline. Call it regularly."""
        if self._interruption.is_set():
            raise Interrupted("the work was interrupted")
