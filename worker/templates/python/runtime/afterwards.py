"""Archives or deletes an input once its result exists, if the setting `afterwards` says so.

Each step names the input's generation, so a newer upload of the name stays; a delivery after a crash completes what
is missing.
"""
import json

from . import storage
from .names import LONGEST_NAME_BYTES

ARCHIVE = "archive/"
# Fields of an object that its copy keeps (cloud.google.com/storage/docs/json_api/v1/objects#resource).
KEPT_FIELDS = (
    "contentType",
    "contentEncoding",
    "contentDisposition",
    "contentLanguage",
    "cacheControl",
    "customTime",
    "storageClass",
)


def dispose_of_input(worker, delivery, log):
    """Returns what happened to it: "archived", "deleted", or None. Raises transient errors: refuse the delivery."""
    if worker.afterwards == "keep":
        return None
    is_archive = worker.afterwards == "archive"
    try:
        if is_archive and not archive(delivery, log):
            return None
        storage.remove(delivery.bucket, delivery.object, delivery.generation)
        return "archived" if is_archive else "deleted"
    except storage.StorageError as error:
        if error.status == 404:
            return None
        # 412: another delivery of the file archives it right now.
        if error.status == 412 or storage.is_transient(error.status):
            raise
        log("ERROR", f"the result exists, but the input could not be {worker.afterwards}d: {error}")
        return None


def archive(delivery, log):
    """Copies the input over an older copy of the pipeline's. Returns whether the copy is there."""
    name = ARCHIVE + delivery.object
    if len(name.encode()) > LONGEST_NAME_BYTES:
        log("WARNING", f"not archived: {ARCHIVE} and its name have more than {LONGEST_NAME_BYTES} bytes")
        return False
    there = storage.find(delivery.bucket, name)
    source = there and there.get("metadata", {}).get("source-generation")
    if there and not source:
        log("WARNING", f"not archived: {name} exists and is not a copy of the pipeline's")
        return False
    if source and int(source) >= int(delivery.generation):
        return True
    copy(delivery, name, there["generation"] if there else "0")
    return True


def copy(delivery, name, expected_generation):
    """Inside Cloud Storage. Metadata that is given replaces all of it, so the source's is read first."""
    source = storage.object_path(delivery.bucket, delivery.object)
    with storage.request("GET", source, {"generation": delivery.generation}) as answer:
        original = json.load(answer)
    resource = {field: original[field] for field in KEPT_FIELDS if field in original}
    resource["metadata"] = {**original.get("metadata", {}), "source-generation": delivery.generation}
    target = storage.object_path(delivery.bucket, name).removeprefix("/storage/v1")
    query = {"sourceGeneration": delivery.generation, "ifGenerationMatch": expected_generation}
    body, headers = json.dumps(resource).encode(), {"Content-Type": "application/json"}
    done = False
    # A large object takes several requests, each with the token of the one before.
    while not done:
        with storage.request("POST", f"{source}/rewriteTo{target}", query, body, headers) as answer:
            state = json.load(answer)
        done = state["done"]
        query["rewriteToken"] = state.get("rewriteToken")
