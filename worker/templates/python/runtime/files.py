"""What a process receives: the input file, the output, and the context."""
import json
import os

from . import storage
from .errors import Gone, Interrupted


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

    def open(self):
        """The bytes from the start, as a binary file. Its errors are the storage's: do not catch them."""
        try:
            return storage.read(self.bucket, self.object, self._resource)
        except storage.StorageError as error:
            if error.status == 404:
                raise Gone(f"Generation {self.generation} of {self.object} is gone.") from error
            raise


class Output:
    """The result. Up to 8 MiB stay in memory; a longer one is sent in chunks, and is visible only once complete."""

    def __init__(self, bucket, name, content_type, metadata, expected_generation, check):
        #: Content type of the result; set it before the first write. The default is the input's.
        self.content_type = content_type
        self.size = 0
        self.sidecars = {}
        self._target = (bucket, name)
        self._metadata = metadata
        self._expected = expected_generation
        self._check = check
        self._pending = bytearray()
        self._upload = None

    def write(self, chunk):
        """Adds text or bytes to the result."""
        self._check()
        data = chunk.encode() if isinstance(chunk, str) else chunk
        self.size += len(data)
        self._pending += data
        while len(self._pending) > storage.CHUNK_BYTES:
            if self._upload is None:
                self._upload = storage.Upload(*self._target, self.content_type, self._metadata, self._expected)
            self._upload.send(bytes(self._pending[: storage.CHUNK_BYTES]))
            del self._pending[: storage.CHUNK_BYTES]

    def sidecar(self, name, content):
        """Adds a JSON file beside the result: "report.json" or "model.json"."""
        if name not in ("report.json", "model.json"):
            raise ValueError(f'A sidecar is "report.json" or "model.json", not "{name}".')
        self.sidecars[name] = json.dumps(content, indent=2)

    def commit(self):
        self._check()
        if self._upload:
            self._upload.send(bytes(self._pending), is_last=True)
        else:
            storage.write(
                *self._target, bytes(self._pending), self.content_type, self._metadata, self._expected
            )


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
