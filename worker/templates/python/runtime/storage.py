"""Cloud Storage through its JSON API (cloud.google.com/storage/docs/json_api).

Every request is safe to repeat: reads name a generation, writes carry a precondition. Transient failures are
retried within a few seconds; longer outages are left to Pub/Sub.
"""
import base64
import hashlib
import http.client
import io
import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib

from .errors import PermanentError

ENDPOINT = os.environ.get("STORAGE_EMULATOR_HOST", "https://storage.googleapis.com").rstrip("/")
METADATA_SERVER = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
PAUSES_SECONDS = (0.5, 1, 2)
TIMEOUT_SECONDS = 60
BLOCK_BYTES = 256 * 1024
# A chunk of a long result; a multiple of 256 KiB, as the API requires.
CHUNK_BYTES = 8 * 1024 * 1024

_token = {"value": "", "until": 0.0}
_token_lock = threading.Lock()


class StorageError(Exception):
    def __init__(self, status, message):
        super().__init__(f"Cloud Storage: HTTP {status}: {message}")
        self.status = status


def find(bucket, name, generation=None):
    """Metadata of an object, or of one generation; None if it does not exist."""
    try:
        with request("GET", object_path(bucket, name), {"generation": generation}) as answer:
            return json.load(answer)
    except StorageError as error:
        if error.status == 404:
            return None
        raise


def remove(bucket, name, generation):
    """Removes one generation; ignores one that is gone or was overwritten."""
    try:
        request("DELETE", object_path(bucket, name), {"ifGenerationMatch": generation}).close()
    except StorageError as error:
        if error.status not in (404, 412):
            raise


def read(bucket, name, metadata):
    """The generation's bytes as a binary file, verified during the read and unpacked if they are stored packed.

    Its attribute `raw` can verify what was received before the end."""
    query = {"alt": "media", "generation": metadata["generation"]}

    def ask(headers):
        return request("GET", object_path(bucket, name), query, headers={"Accept-Encoding": "gzip", **headers})

    return io.BufferedReader(_CheckedStream(ask, metadata), BLOCK_BYTES)


def write(bucket, name, content, content_type, metadata, expected_generation):
    """Writes a small object in one request, if it is at the expected generation ("0": absent). Returns its own."""
    resource = {
        "name": name,
        "contentType": content_type,
        "metadata": metadata,
        "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
    }
    boundary = os.urandom(16).hex()
    body = b"".join(
        [
            f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(resource)}\r\n".encode(),
            f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode(),
            content,
            f"\r\n--{boundary}--\r\n".encode(),
        ]
    )
    query = {"uploadType": "multipart", "name": name, "ifGenerationMatch": expected_generation}
    headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
    with request("POST", f"/upload/storage/v1/b/{_quote(bucket)}/o", query, body, headers) as answer:
        return json.load(answer)["generation"]


class Upload:
    """A long object, chunk by chunk: nothing is visible before the last one."""

    def __init__(self, bucket, name, content_type, metadata, expected_generation):
        query = {"uploadType": "resumable", "name": name, "ifGenerationMatch": expected_generation}
        body = json.dumps({"name": name, "contentType": content_type, "metadata": metadata}).encode()
        headers = {"Content-Type": "application/json", "X-Upload-Content-Type": content_type}
        path = f"/upload/storage/v1/b/{_quote(bucket)}/o"
        with request("POST", path, query, body, headers) as answer:
            self._session = answer.headers["Location"]
        self._bucket = bucket
        self._name = name
        self._md5 = hashlib.md5()
        self._sent = 0
        # The object's metadata, once it exists.
        self._resource = None

    def send(self, content, is_last=False):
        """`content` has CHUNK_BYTES, or is the last: returns the generation. Bytes that the server has are not sent again."""
        self._md5.update(content)
        end = self._sent + len(content)
        total = str(end) if is_last else "*"
        start = self._sent
        for pause in (*PAUSES_SECONDS, None):
            rest = content[start - self._sent :]
            span = f"bytes {start}-{end - 1}/{total}" if rest else f"bytes */{total}"
            try:
                start = self._put(rest, span, end)
            except StorageError as error:
                if pause is None or not is_transient(error.status):
                    raise
                time.sleep(pause)
                start = self._ask(end, start)
            if self._resource if is_last else start == end:
                self._sent = end
                return self._compare() if is_last else None
        raise StorageError(308, "the upload makes no progress")

    def _ask(self, end, start):
        """How many bytes the server has."""
        try:
            return self._put(b"", "bytes */*", end)
        except StorageError as error:
            if not is_transient(error.status):
                raise
            return start

    def _put(self, content, span, end):
        """How many bytes the server has afterwards."""
        with _send("PUT", self._session, content, {"Content-Range": span}) as answer:
            if answer.status == 308:
                last = answer.headers.get("Range")
                return int(last.rsplit("-", 1)[1]) + 1 if last else 0
            try:
                self._resource = json.load(answer)
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise StorageError(0, f"the response was cut off ({error})") from error
            return end

    def _compare(self):
        """Removes an object that arrived corrupt, or further deliveries would take it for the result."""
        expected = base64.b64encode(self._md5.digest()).decode()
        if self._resource.get("md5Hash", expected) != expected:
            remove(self._bucket, self._name, self._resource["generation"])
            raise StorageError(0, f"the bytes of {self._name} arrived corrupt")
        return self._resource["generation"]


class _CheckedStream(io.RawIOBase):
    """Compares size and MD5 at the end: to Python a cut-off connection looks like the end."""

    def __init__(self, ask, metadata):
        self._ask = ask
        self._answer = ask({})
        self._size = int(metadata["size"])
        self._hash = metadata.get("md5Hash")
        self._md5 = hashlib.md5()
        self._seen = 0
        is_packed = self._answer.headers.get("Content-Encoding") == "gzip"
        self._unpack = zlib.decompressobj(wbits=31) if is_packed else None

    def readable(self):
        return True

    def readinto(self, target):
        while True:
            block = self._next(len(target))
            if block is None:
                return 0
            if block:
                target[: len(block)] = block
                return len(block)

    def _next(self, size):
        """At most `size` unpacked bytes, perhaps none; None at the end."""
        if self._unpack and self._unpack.unconsumed_tail:
            return self._unpacked(self._unpack.unconsumed_tail, size)
        block = self._stored(size)
        if self._unpack and block:
            return self._unpacked(block, size)
        if self._unpack and self._seen and not self._unpack.eof:
            raise _encoding_invalid()
        return block or None

    def _unpacked(self, block, size):
        try:
            return self._unpack.decompress(block, size)
        except zlib.error as error:
            # They may be corrupt: the checksum shows it at the end.
            while self._stored(BLOCK_BYTES):
                pass
            raise _encoding_invalid() from error

    def _stored(self, size):
        """At most `size` stored bytes; none at the end, where they are verified."""
        try:
            block = self._answer.read(min(size, BLOCK_BYTES))
        except (OSError, http.client.HTTPException) as error:
            raise StorageError(0, f"the connection was cut off after {self._seen} bytes ({error})") from error
        if block:
            self._seen += len(block)
            self._md5.update(block)
            return block
        if self._seen != self._size:
            raise StorageError(0, f"the connection was cut off after {self._seen} of {self._size} bytes")
        # Composite objects have no MD5.
        if self._hash and base64.b64encode(self._md5.digest()).decode() != self._hash:
            raise StorageError(0, "the received bytes do not match the object's MD5")
        return b""

    def verify(self, most_bytes, until):
        """Ends the read, and compares what was received: reads the rest, for the checksum alone.

        A longer rest counts as intact, and so does one that is not read by then. Raises StorageError."""
        self.close()
        rest = self._size - self._seen
        if self._seen == 0 or rest > most_bytes:
            return
        self._answer = self._ask({"Range": f"bytes={self._seen}-"}) if rest else io.BytesIO()
        with self._answer:
            if rest and self._answer.status != http.client.PARTIAL_CONTENT:
                return
            while self._stored(BLOCK_BYTES) and time.monotonic() < until:
                pass

    def close(self):
        self._answer.close()
        super().close()


def _encoding_invalid():
    return PermanentError(
        "The object has the content encoding gzip, but its bytes are not gzip.",
        "encoding-invalid",
        suggestions=["Upload it again, without a content encoding or packed by gzip."],
    )


def object_path(bucket, name):
    return f"/storage/v1/b/{_quote(bucket)}/o/{_quote(name)}"


def _quote(text):
    return urllib.parse.quote(text, safe="")


def request(method, path, query=None, body=None, headers=None):
    """Retries transient failures. Raises StorageError."""
    given = {name: value for name, value in (query or {}).items() if value is not None}
    url = ENDPOINT + path + (f"?{urllib.parse.urlencode(given)}" if given else "")
    for pause in (*PAUSES_SECONDS, None):
        try:
            return _send(method, url, body, headers)
        except StorageError as error:
            if pause is None or not is_transient(error.status):
                raise
            time.sleep(pause)
    raise AssertionError("not reached")


def is_transient(status):
    return status in (0, 408, 429) or status >= 500


class _NoRedirect(urllib.request.HTTPErrorProcessor):
    """308 means "resume" here, not "redirect"."""

    def http_response(self, request, response):
        return response if response.status == 308 else super().http_response(request, response)

    https_response = http_response


_opener = urllib.request.build_opener(_NoRedirect)


def _send(method, url, body=None, headers=None):
    request = urllib.request.Request(url, data=body, method=method, headers={**_authorization(), **(headers or {})})
    try:
        return _opener.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(4096).decode("utf-8", "replace")
        raise StorageError(error.code, text.strip()[:300] or error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise StorageError(0, f"no answer from {urllib.parse.urlsplit(url).netloc} ({error})") from error


def _authorization():
    """The token of the service account; the local cloud identifies the caller by its endpoint."""
    if "STORAGE_EMULATOR_HOST" in os.environ:
        return {}
    with _token_lock:
        if time.monotonic() > _token["until"]:
            url = f"http://{METADATA_SERVER}/computeMetadata/v1/instance/service-accounts/default/token"
            request = urllib.request.Request(url, headers={"Metadata-Flavor": "Google"})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    token = json.load(answer)
            except OSError as error:
                raise StorageError(0, f"no token from {METADATA_SERVER} ({error})") from error
            _token["value"] = token["access_token"]
            _token["until"] = time.monotonic() + token["expires_in"] - 60
        return {"Authorization": f"Bearer {_token['value']}"}
