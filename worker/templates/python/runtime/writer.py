"""Writes an object of any length."""
from . import storage


class Writer:
    """Up to 8 MiB stay in memory; a longer object is sent in chunks, and is visible only once complete."""

    def __init__(self, bucket, name, metadata, expected_generation):
        self.size = 0
        self._target = (bucket, name)
        self._metadata = metadata
        self._expected = expected_generation
        self._pending = bytearray()
        self._upload = None

    def write(self, chunk, content_type):
        """Adds text or bytes."""
        data = chunk.encode() if isinstance(chunk, str) else chunk
        self.size += len(data)
        self._pending += data
        while len(self._pending) > storage.CHUNK_BYTES:
            if self._upload is None:
                self._upload = storage.Upload(*self._target, content_type, self._metadata, self._expected)
            self._upload.send(bytes(self._pending[: storage.CHUNK_BYTES]))
            del self._pending[: storage.CHUNK_BYTES]

    def commit(self, content_type):
        """Makes it visible. Returns its generation."""
        content = bytes(self._pending)
        if self._upload:
            return self._upload.send(content, is_last=True)
        return storage.write(*self._target, content, content_type, self._metadata, self._expected)
