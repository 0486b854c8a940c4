"""Processes the file of a notification, with its effect exactly once however often it is delivered.

Sidecars go first; the result goes last, under the object's own name, with a precondition on the
object that existed at the start. Its metadata names the generation of the input that it was produced from, so that
duplicates are recognized and an older event never overwrites a newer result.
"""
import json
import os
import time

from . import storage
from .afterwards import ARCHIVE, dispose_of_input
from .envelope import parse_time
from .errors import Gone, PermanentError, Superseded
from .files import Context, Input, Output
from .log import now
from .names import CANARY, RESERVED, sidecar_name
from .outputs import ABSENT, Outputs, generation_of, refuse_taken, remove_outputs, remove_unfinished, result_of
from .outputs import source_of
from .writer import Writer

MOST_ROUNDS = 3
MOST_CONFLICTS = 5
#: Custom metadata, and the variables with its values.
ORIGIN = (("revision", "K_REVISION"), ("execution", "CLOUD_RUN_EXECUTION"), ("image", "IMAGE_DIGEST"))


def handle(worker, delivery, log, interruption):
    """Returns the outcome: acknowledge the delivery. Raises transient errors: refuse it."""
    reason = skipped(delivery, worker)
    if reason:
        log("INFO", f"skipped: {reason}", outcome="skipped")
        return "skipped"
    if delivery.object.startswith(CANARY):
        return answer_canary(worker, delivery, log)
    started = now()
    for _ in range(MOST_ROUNDS):
        outcome = attempt(worker, delivery, log, interruption, started)
        if outcome != "conflict":
            return outcome
        log("INFO", "another delivery changed the result meanwhile: starting again")
    raise RuntimeError(f"The result changed {MOST_ROUNDS} times during processing.")


def skipped(delivery, worker):
    """Why this worker ignores the event; None if it does not."""
    name, bucket = delivery.object, delivery.bucket
    if delivery.event_type != "OBJECT_FINALIZE":
        return f"events of type {delivery.event_type} are not processed"
    if bucket == worker.output_bucket:
        return f"the event is from the output bucket {bucket}: remove that bucket's notification"
    if worker.input_bucket and bucket != worker.input_bucket:
        return f"the event is from bucket {bucket}, but this worker's input is {worker.input_bucket}"
    if name.startswith(CANARY) and name != CANARY:
        return None
    if name.startswith(RESERVED):
        return f"names under {RESERVED} are reserved"
    if name.endswith("/"):
        return "the object is a folder placeholder"
    if worker.afterwards == "archive" and name.startswith(ARCHIVE):
        return f"names under {ARCHIVE} are processed inputs"
    is_wanted = name.startswith(worker.prefix) and name.endswith(worker.suffix)
    return None if is_wanted else f'the filter is "{worker.prefix}…{worker.suffix}"'


def answer_canary(worker, delivery, log):
    """Reads it to its end and writes an answer, which proves to `setup` that the whole path works, grants included."""
    resource = storage.find(delivery.bucket, delivery.object, delivery.generation)
    if resource is None:
        log("INFO", "gone: the canary was removed before it was answered", outcome="gone")
        return "gone"
    with storage.read(delivery.bucket, delivery.object, resource) as content:
        while content.read(storage.BLOCK_BYTES):
            pass
    answer = {
        "object": delivery.object,
        "generation": delivery.generation,
        "processor": worker.name,
        "revision": Context.environment.get("K_REVISION"),
    }
    there = storage.find(worker.output_bucket, delivery.object)
    expected = generation_of(there)
    marks = marks_of(delivery, now())
    content = json.dumps(answer).encode() + b"\n"
    storage.write(worker.output_bucket, delivery.object, content, "application/json", marks, expected)
    log("INFO", "canary answered", outcome="canary")
    return "canary"


def attempt(worker, delivery, log, interruption, started):
    bucket, name = worker.output_bucket, delivery.object
    resource = storage.find(delivery.bucket, name, delivery.generation)
    single = storage.find(bucket, name)
    outputs = storage.find(bucket, sidecar_name(name, "outputs.json"))
    result = result_of(single, outputs)
    error = storage.find(bucket, sidecar_name(name, "error.json"))
    generation = int(delivery.generation)
    newest = max(source_of(result), source_of(error))
    if newest > generation:
        log("INFO", f"superseded: newer generation {newest} was processed", outcome="superseded")
        return "superseded"
    if is_effect(result, delivery):
        if error and error["timeCreated"] < result["timeCreated"]:
            storage.remove(bucket, error["name"], error["generation"])
        if outputs and result is not outputs:
            remove_outputs(bucket, name, outputs)
        disposed = dispose_of_input(worker, delivery, log) if resource else None
        fields = {"outcome": "duplicate", "of": "result", **({"input": disposed} if disposed else {})}
        log("INFO", "duplicate: this generation already has its result", **fields)
        return "duplicate"
    if is_effect(error, delivery):
        log("INFO", "duplicate: this generation already has its error", outcome="duplicate", of="error")
        return "duplicate"
    if is_cancelled(error, delivery):
        log("WARNING", 'cancelled with "cloud-runner cancel"', outcome="cancelled")
        return "cancelled"
    if resource is None:
        log("INFO", "gone: this generation was overwritten or deleted before it was processed", outcome="gone")
        return "gone"
    if "source-generation" in resource.get("metadata", {}):
        log("WARNING", "skipped: the object is the result of a worker, and could loop forever", outcome="skipped")
        return "skipped"
    return produce(worker, delivery, log, interruption, started, resource, (single, outputs, error))


def produce(worker, delivery, log, interruption, started, resource, seen):
    """Runs the process and commits what it wrote. `seen`: the result, the list of outputs and the error of before."""
    single, mark, error = seen
    bucket, name = worker.output_bucket, delivery.object
    marks = marks_of(delivery, started)
    source = Input(delivery, resource)
    context = Context(log, interruption)
    content_type = source.content_type or "application/octet-stream"
    # By which `status` lists a file whose input is gone.
    origin = {"source-size": str(source.size), "source-created": resource["timeCreated"]}
    writer = Writer(bucket, name, {**marks, **origin}, generation_of(single))
    outputs = Outputs(bucket, delivery, {**marks, **origin}, single, mark, context.check)
    output = Output(writer, outputs, content_type, context.check)
    began = time.time()
    try:
        log("INFO", "processing", processor=worker.name, inputBytes=source.size)
        run_process(worker, source, output, context)
        context.check()
        processed = time.time()
        for sidecar, content in output.sidecars.items():
            write_sidecar(worker, delivery, marks, sidecar, content)
        if outputs.files:
            if not outputs.commit():
                return "conflict"
        else:
            context.check()
            if source_of(single):
                refuse_taken(name, name, single)
            if is_conflict(bucket, name, lambda: writer.commit(output.content_type), marks):
                return "conflict"
            if mark:
                remove_outputs(bucket, name, mark)
    except PermanentError as fault:
        context.check()
        if "pending" in (mark or {}).get("metadata", {}):
            remove_unfinished(bucket, name, mark)
        return record_fault(worker, delivery, log, marks, fault)
    except Gone:
        log("INFO", "gone: this generation was overwritten or deleted while being read", outcome="gone")
        return "gone"
    except Superseded as newer:
        log("INFO", f"superseded: {newer}", outcome="superseded")
        return "superseded"
    if error:
        storage.remove(bucket, error["name"], error["generation"])
    disposed = dispose_of_input(worker, delivery, log)
    ended = time.time()
    published = parse_time(delivery.publish_time)
    log(
        "INFO",
        "done",
        outcome="done",
        processor=worker.name,
        publishedAt=delivery.publish_time,
        startedAt=started,
        finishedAt=now(),
        waitMs=round((began - published) * 1000),
        processMs=round((processed - began) * 1000),
        writeMs=round((ended - processed) * 1000),
        totalMs=round((ended - published) * 1000),
        inputBytes=source.size,
        resultBytes=outputs.size or writer.size,
        **({"outputs": len(outputs.files)} if outputs.files else {}),
        **({"input": disposed} if disposed else {}),
    )
    return "done"


def run_process(worker, source, output, context):
    """A fault counts once the bytes that the process received are known to be the stored ones."""
    try:
        worker.process(source, output, context)
    except PermanentError:
        context.check()
        source.verify()
        raise


def is_conflict(bucket, name, commit, marks):
    """Commits. True if another delivery changed the result since it was checked."""
    try:
        commit()
        return False
    except storage.StorageError as refusal:
        if refusal.status != 412:
            raise
    # A retry after a lost response fails against its own success.
    there = storage.find(bucket, name)
    metadata = there.get("metadata", {}) if there else {}
    return any(metadata.get(mark) != value for mark, value in marks.items())


def record_fault(worker, delivery, log, marks, fault):
    """An older generation's result stays: it is the user's, and its metadata names the generation it belongs to."""
    report = {"code": fault.code, "message": str(fault)}
    if fault.line is not None:
        report["line"] = fault.line
    if fault.column is not None:
        report["column"] = fault.column
    report["suggestions"] = fault.suggestions
    whole = {**report, "object": delivery.object, "generation": delivery.generation}
    try:
        write_sidecar(worker, delivery, marks, "error.json", json.dumps(whole, indent=2))
    except Superseded as newer:
        log("INFO", f"superseded: {newer}", outcome="superseded")
        return "superseded"
    details = {field: value for field, value in report.items() if field != "message"}
    log("ERROR", f"failed: {fault}", outcome="failed", **details)
    return "failed"


def write_sidecar(worker, delivery, marks, sidecar, text):
    """The first try expects none, which is right for nearly every file. Raises Superseded."""
    bucket, name = worker.output_bucket, sidecar_name(delivery.object, sidecar)
    expected = ABSENT
    for conflicts in range(MOST_CONFLICTS + 1):
        try:
            storage.write(bucket, name, f"{text}\n".encode(), "application/json", marks, expected)
            return
        except storage.StorageError as refusal:
            if refusal.status != 412 or conflicts == MOST_CONFLICTS:
                raise
        there = storage.find(bucket, name)
        if source_of(there) > int(delivery.generation):
            raise Superseded(f"{name} belongs to generation {source_of(there)}.")
        expected = there["generation"] if there else ABSENT


def marks_of(delivery, started):
    """The custom metadata that marks everything this run writes."""
    marks = {
        "source-generation": delivery.generation,
        "attempt": str(delivery.attempt),
        "message-id": delivery.message_id,
        "published": delivery.publish_time,
        "started": started,
    }
    for name, variable in ORIGIN:
        if os.environ.get(variable):
            marks[name] = os.environ[variable]
    return marks if delivery.reprocess_id is None else {**marks, "reprocess-id": delivery.reprocess_id}


def is_effect(resource, delivery):
    """Whether this is the delivery's effect: the same generation, and the same request to process it again."""
    if resource is None or source_of(resource) != int(delivery.generation):
        return False
    if "cancelled" in resource["metadata"] or "pending" in resource["metadata"]:
        return False
    requested = delivery.reprocess_id
    return requested is None or resource["metadata"].get("reprocess-id") == requested


def is_cancelled(error, delivery):
    """Whether the user cancelled this generation after its notification was published."""
    if "cancelled" not in (error or {}).get("metadata", {}) or source_of(error) != int(delivery.generation):
        return False
    return parse_time(delivery.publish_time) <= parse_time(error["timeCreated"])
