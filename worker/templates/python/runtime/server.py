"""Serves POST / (a push of Pub/Sub) and GET /healthz.

204 acknowledges: done, or pointless to repeat. 503 refuses: it is delivered again.
"""
import os
import re
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import Future, TimeoutError as OutOfTime
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .effect import handle
from .envelope import parse_push
from .errors import Interrupted, MalformedEnvelope
from .log import Log, label_prints, log_prints

LONGEST_BODY_BYTES = 16 * 1024 * 1024
# Cloud Run kills a container ten seconds after SIGTERM; part of that is reserved for responding and exiting.
GRACE_SECONDS = 10
ANSWERING_SECONDS = 1.5


class Worker:
    """A process, its settings from the environment, and its deliveries in progress."""

    def __init__(self, process, name, log):
        self.process = process
        self.name = name
        self.log = log
        self.output_bucket = os.environ.get("OUTPUT_BUCKET", "")
        self.input_bucket = os.environ.get("INPUT_BUCKET") or None
        self.prefix = os.environ.get("FILTER_PREFIX") or ""
        self.suffix = os.environ.get("FILTER_SUFFIX") or ""
        self.afterwards = os.environ.get("AFTERWARDS") or "keep"
        seconds = os.environ.get("DEADLINE_SECONDS") or "540"
        port = os.environ.get("PORT") or "8080"
        if not self.output_bucket:
            raise SystemExit("OUTPUT_BUCKET is not set: name the bucket that results are written to.")
        if self.input_bucket == self.output_bucket:
            raise SystemExit(
                f'INPUT_BUCKET and OUTPUT_BUCKET are both "{self.output_bucket}": each result would be processed '
                "again, endlessly. Set OUTPUT_BUCKET to another bucket."
            )
        if self.afterwards not in ("keep", "archive", "delete"):
            raise SystemExit(f'AFTERWARDS is "{self.afterwards}": set it to keep, archive or delete.')
        if not re.fullmatch(r"\d+", seconds) or not 1 <= int(seconds) <= 600:
            raise SystemExit(f'DEADLINE_SECONDS is "{seconds}": set it to a whole number from 1 to 600.')
        if not re.fullmatch(r"\d+", port) or int(port) > 65535:
            raise SystemExit(f'PORT is "{port}": set it to a whole number from 0 to 65535.')
        self.port = int(port)
        # Shortly before Pub/Sub's own deadline, so that the response comes first.
        self.deadline_seconds = int(seconds) - min(15, 0.05 * int(seconds))
        if "debugpy" in sys.modules:
            # A breakpoint may hold it for any time.
            self.deadline_seconds = float("inf")
        self.stopping = threading.Event()
        self.interrupted = threading.Event()
        self._in_progress = {}
        self._unanswered = 0
        self._lock = threading.Lock()

    def deliver(self, delivery, log):
        """Raises to refuse the delivery. A second one of a file in progress shares the first one's outcome."""
        if self.stopping.is_set():
            raise Interrupted("the container is being shut down")
        with self._lock:
            first = self._in_progress.get(delivery.key)
            outcome = first or self._in_progress.setdefault(delivery.key, Future())
        if first:
            first.result()
            log("INFO", "duplicate: already in progress", outcome="duplicate")
            return
        try:
            self._within_time(delivery, log)
            outcome.set_result(None)
        except BaseException as error:
            outcome.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._in_progress[delivery.key]

    def _within_time(self, delivery, log):
        """A process that ignores the deadline continues in its thread, but can no longer write a result."""
        interruption = threading.Event()
        done = Future()

        def work():
            label_prints(log)
            try:
                done.set_result(handle(self, delivery, log, interruption))
            except BaseException as error:  # the waiting caller gets any error
                done.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        end = time.monotonic() + self.deadline_seconds
        while True:
            try:
                done.result(timeout=min(0.1, max(0, end - time.monotonic())))
                return
            except OutOfTime:
                if done.done():
                    raise
            if self.interrupted.is_set():
                interruption.set()
                raise Interrupted("the container is being shut down")
            if time.monotonic() >= end:
                interruption.set()
                raise Interrupted(f"not done within {self.deadline_seconds:g} s, the worker's own deadline")

    @contextmanager
    def answering(self):
        """A delivery from its first byte until its response is sent."""
        with self._lock:
            self._unanswered += 1
        try:
            yield
        finally:
            with self._lock:
                self._unanswered -= 1

    def busy(self):
        with self._lock:
            return self._unanswered > 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    worker = None

    def is_from_front_end(self):
        """If FRONT_END_SECRET is set, requests from the front end carry it; others get a 403."""
        secret = os.environ.get("FRONT_END_SECRET")
        if not secret or self.headers.get("X-Front-End-Secret") == secret:
            return True
        self.close_connection = True
        self.answer(403)
        return False

    def do_GET(self):
        if not self.is_from_front_end():
            return None
        if self.path.split("?")[0] == "/healthz":
            return self.answer(200, "ok\n")
        return self.answer(405 if self.path.split("?")[0] == "/" else 404)

    def do_POST(self):
        if not self.is_from_front_end():
            return None
        with self.worker.answering():
            return self.push()

    def push(self):
        worker, path = self.worker, self.path.split("?")[0]
        if path != "/":
            self.close_connection = True
            return self.answer(405 if path == "/healthz" else 404)
        try:
            delivery = parse_push(self.body())
        except MalformedEnvelope as error:
            worker.log("ERROR", f"malformed: {error}", outcome="malformed")
            return self.answer(204)
        except (OSError, ValueError) as error:
            worker.log("WARNING", f"refused: the request was cut off ({error})", outcome="refused")
            self.close_connection = True
            return self.answer(503)
        log = worker.log.labelled(delivery.labels, self.trace(delivery.project))
        try:
            worker.deliver(delivery, log)
            return self.answer(204)
        except Interrupted as error:
            log("WARNING", f"refused, to be delivered again: {error}", outcome="refused")
            return self.answer(503, f"{error}\n")
        except Exception as error:  # another attempt may succeed
            log(
                "ERROR",
                f"refused, to be delivered again: {error}",
                outcome="refused",
                stack_trace=traceback.format_exc(),
            )
            return self.answer(503, "transient failure, see the log\n")

    def body(self):
        """The whole body, of a known length or in chunks. Raises MalformedEnvelope above the limit."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.read(int(self.headers.get("Content-Length") or 0), 0)
        whole = bytearray()
        while True:
            size = int(self.rfile.readline(100).split(b";")[0], 16)
            if size == 0:
                while self.rfile.readline(65536).strip():
                    pass  # trailers
                return bytes(whole)
            whole += self.read(size, len(whole))
            self.rfile.readline(100)

    def read(self, size, before):
        if before + size > LONGEST_BODY_BYTES:
            self.close_connection = True
            raise MalformedEnvelope(f"the body has more than {LONGEST_BODY_BYTES} bytes.")
        data = self.rfile.read(size)
        if len(data) < size:
            raise ConnectionError(f"{len(data)} bytes of {size}")
        return data

    def trace(self, project):
        """Name of the front end's trace."""
        found = re.match(r"[0-9a-f]{32}", self.headers.get("X-Cloud-Trace-Context", ""))
        return f"projects/{project}/traces/{found.group(0)}" if found and project else None

    def answer(self, status, text=""):
        try:
            self.send_response(status)
            if text:
                self.send_header("Content-Type", "text/plain; charset=utf-8")
            if status != 204:
                self.send_header("Content-Length", str(len(text)))
            # Without it, the client would send the next request on a connection that closes.
            if self.close_connection or self.worker.stopping.is_set():
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(text.encode())
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_):
        """The front end logs requests already."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve(process, name):
    """Runs `process` as a worker; it owns the process, and exits after SIGTERM."""
    log = Log()
    log_prints(log)
    try:
        if "CLOUD_RUN_JOB" in os.environ:
            raise SystemExit("This worker serves deliveries; it does not run as a job.")
        worker = Worker(process, name, log)
        handler = type("BoundHandler", (Handler,), {"worker": worker})
        server = Server((os.environ.get("HOST") or "0.0.0.0", worker.port), handler)
    except (SystemExit, OSError) as error:
        log("CRITICAL", str(error))
        sys.exit(1)

    def stop(name):
        if not worker.stopping.is_set():
            worker.stopping.set()
            log("INFO", f"{name}: accepting no more files, finishing those in progress")
            server.shutdown()

    def on_signal(number, _):
        # In a separate thread: this one may be writing a log line.
        threading.Thread(target=stop, args=(signal.Signals(number).name,)).start()

    # PID 1 of a container only gets signals that it handles.
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    log("INFO", f"{name} is listening on port {server.server_address[1]}", port=server.server_address[1])
    server.serve_forever(poll_interval=0.1)
    end = time.monotonic() + GRACE_SECONDS - ANSWERING_SECONDS
    while worker.busy() and time.monotonic() < end:
        time.sleep(0.02)
    worker.interrupted.set()
    end = time.monotonic() + ANSWERING_SECONDS / 2
    while worker.busy() and time.monotonic() < end:
        time.sleep(0.02)
    log("INFO", "stopped")
    # Otherwise a process that ignores its signal would keep running.
    os._exit(0)
