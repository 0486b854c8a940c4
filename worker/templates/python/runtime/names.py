"""Names of objects."""
import hashlib

RESERVED = "_cloud-runner/"
CANARY = "_cloud-runner/canary/"
# cloud.google.com/storage/docs/objects#naming
LONGEST_NAME_BYTES = 1024


def sidecar_name(name, sidecar):
    """A name of more than 900 bytes is replaced by its hash, since a sidecar's own must fit as well."""
    encoded = name.encode()
    stem = hashlib.sha256(encoded).hexdigest() if len(encoded) > 900 else name
    return f"{RESERVED}{stem}/{sidecar}"
