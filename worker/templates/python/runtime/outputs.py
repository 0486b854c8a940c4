"""Several outputs of one file, each under a name of its own.

Their list, `outputs.json`, is written as pending before the first output, with the names of all that earlier runs may
have left, and as the commit mark after the last, each time with a precondition on the one before. So a crash, a
duplicate or a newer upload leaves one whole set.
"""
import json

from . import storage
from .errors import PermanentError, misused
from .names import LONGEST_NAME_BYTES, RESERVED, sidecar_name
from .writer import Writer

ABSENT = "0"


class Conflict(Exception):
    """Another delivery wrote in between."""


class Outputs:
    """The outputs of a run. `single` and `mark` are the result and the `outputs.json` of earlier runs."""

    def __init__(self, bucket, delivery, marks, single, mark, check):
        self.files = {}
        self._bucket = bucket
        self._object = delivery.object
        self._generation = delivery.generation
        self._marks = {**marks, "source-object": delivery.object}
        self._single = single
        self._mark = mark
        self._check = check
        self._written = []

    @property
    def size(self):
        return sum(file.size for file in self.files.values())

    def file(self, name, content_type):
        refuse_name(name)
        if not content_type:
            raise misused(
                f'output.file("{name}") has no content type; for example: '
                f'output.file("{name}", content_type="text/csv").'
            )
        if name in self.files:
            raise misused(f'output.file("{name}") was called twice.')
        there = storage.find(self._bucket, name)
        file = OutputFile(self._bucket, name, content_type, self._marks, there, self._check)
        self.files[name] = file
        return file

    def commit(self):
        """False if another delivery of the file came first: nothing of this run stays. Raises PermanentError."""
        try:
            self._write_all()
            return True
        except Conflict:
            # Another run that is still writing has the names of this one in its list.
            now = storage.find(self._bucket, sidecar_name(self._object, "outputs.json"))
            if "pending" not in (now or {}).get("metadata", {}):
                for name, generation in self._written:
                    storage.remove(self._bucket, name, generation)
            return False

    def _write_all(self):
        for file in self.files.values():
            refuse_taken(file.name, self._object, file.there)
        before = entries_in(self._bucket, self._object, self._mark) if self._mark else []
        completed = {entry["name"]: entry["generation"] for entry in before if "generation" in entry}
        obsolete = [entry["name"] for entry in before if entry["name"] not in self.files]
        names = [{"name": file.name, "contentType": file.content_type} for file in self.files.values()]
        names += [{"name": name, "contentType": ""} for name in obsolete]
        # Outputs of an earlier complete run stay if the file turns out to be bad.
        for entry in names:
            if entry["name"] in completed:
                entry["generation"] = completed[entry["name"]]
        pending = self._write_mark(names, {"pending": "true"}, generation_of(self._mark))
        listed = []
        for file in self.files.values():
            self._check()
            generation = self._once(file.name, self._marks, file.commit)
            self._written.append((file.name, generation))
            entry = {"name": file.name, "contentType": file.content_type}
            listed.append({**entry, "generation": generation, "sizeBytes": file.size})
        remove_parts(self._bucket, self._object, obsolete)
        # The result of an earlier worker that wrote one.
        if owner_of(self._object, self._single) == self._object and self._object not in self.files:
            storage.remove(self._bucket, self._object, self._single["generation"])
        self._write_mark(listed, {"outputs": str(len(listed)), "outputs-size": str(self.size)}, pending)

    def _write_mark(self, outputs, more, expected):
        name, marks = sidecar_name(self._object, "outputs.json"), {**self._marks, **more}
        whole = {"object": self._object, "generation": self._generation, "outputs": outputs}
        content = f"{json.dumps(whole, indent=2)}\n".encode()
        return self._once(
            name, marks, lambda: storage.write(self._bucket, name, content, "application/json", marks, expected)
        )

    def _once(self, name, marks, write):
        """Writes with a precondition; a retry after a lost response fails against its own success."""
        try:
            return write()
        except storage.StorageError as refusal:
            if refusal.status != 412:
                raise
        there = storage.find(self._bucket, name)
        metadata = (there or {}).get("metadata", {})
        if any(metadata.get(mark) != value for mark, value in marks.items()):
            raise Conflict(name)
        return there["generation"]


class OutputFile:
    """One of several outputs. Up to 8 MiB stay in memory until all are written; more is streamed."""

    def __init__(self, bucket, name, content_type, marks, there, check):
        self.name = name
        self.content_type = content_type
        self.there = there
        self._writer = Writer(bucket, name, marks, generation_of(there))
        self._check = check

    @property
    def size(self):
        return self._writer.size

    def write(self, chunk):
        """Adds text or bytes."""
        self._check()
        self._writer.write(chunk, self.content_type)

    def commit(self):
        return self._writer.commit(self.content_type)


def result_of(single, outputs):
    """What counts as the result: the object under the file's own name, unless it is one of several, or their list.

    Of both, which only a changed worker leaves: that of the newer input, then the later."""
    if single is None or "source-object" in single.get("metadata", {}):
        return outputs
    if outputs is None:
        return single
    return max(outputs, single, key=lambda one: (source_of(one), one["timeCreated"]))


def source_of(resource):
    """Generation of the input that an object was produced from; 0 if no worker wrote it."""
    text = (resource or {}).get("metadata", {}).get("source-generation", "")
    return int(text) if text.isdigit() else 0


def owner_of(name, resource):
    """Name of the input that an object of the output bucket belongs to; None if no worker wrote it."""
    metadata = (resource or {}).get("metadata", {})
    return metadata.get("source-object") or (name if "source-generation" in metadata else None)


def generation_of(resource):
    return resource["generation"] if resource else ABSENT


def remove_outputs(bucket, name, mark):
    """Removes the outputs that an `outputs.json` lists, then itself."""
    remove_parts(bucket, name, [entry["name"] for entry in entries_in(bucket, name, mark)])
    storage.remove(bucket, mark["name"], mark["generation"])


def remove_unfinished(bucket, name, mark):
    """Removes the outputs that a crash left of a file that turned out to be bad.

    Those of an earlier complete run stay, and the pending list with them, for the next run to replace or remove."""
    entries = entries_in(bucket, name, mark)
    unfinished = [entry["name"] for entry in entries if "generation" not in entry]
    remove_parts(bucket, name, unfinished)
    if len(unfinished) == len(entries):
        storage.remove(bucket, mark["name"], mark["generation"])


def remove_parts(bucket, owner, names):
    for name in names:
        there = storage.find(bucket, name)
        if there and there.get("metadata", {}).get("source-object") == owner:
            storage.remove(bucket, name, there["generation"])


def entries_in(bucket, name, mark):
    """Outputs in an `outputs.json`; none if another delivery has replaced it, which the next write notices."""
    try:
        with storage.read(bucket, sidecar_name(name, "outputs.json"), mark) as content:
            return json.load(content)["outputs"]
    except storage.StorageError as error:
        if error.status == 404:
            return []
        raise


def refuse_name(name):
    reasons = {
        "it is not a name": name in ("", ".", ".."),
        f"it has more than {LONGEST_NAME_BYTES} bytes": len(name.encode()) > LONGEST_NAME_BYTES,
        f"names under {RESERVED} are reserved": name.startswith(RESERVED),
        "it ends in /": name.endswith("/"),
        "it has a line break": "\r" in name or "\n" in name,
        "it has a null character": "\0" in name,
    }
    reason = next((reason for reason, is_so in reasons.items() if is_so), None)
    if reason:
        raise PermanentError(
            f'The worker cannot write an output named "{name}": {reason}.',
            code="output-name",
            suggestions=["Correct the name in the worker, deploy it, and process the file again."],
        )


def refuse_taken(name, owner, there):
    """Unless the name is free, or has an output or the result of the same file."""
    found = owner_of(name, there)
    if there is None or found == owner:
        return
    raise PermanentError(
        f"{name} in the output bucket is an output of {found}."
        if found
        else f"{name} exists in the output bucket, and no worker wrote it.",
        code="output-taken",
        suggestions=["Let the worker choose names that contain the name of the file."],
    )
