"""The body of a Pub/Sub push that carries a Cloud Storage notification.

https://cloud.google.com/pubsub/docs/push, https://cloud.google.com/storage/docs/pubsub-notifications
"""
import datetime
import json
import re
from dataclasses import dataclass
from typing import Optional

from .errors import MalformedEnvelope


@dataclass(frozen=True)
class Delivery:
    """One delivery of one notification."""

    message_id: str
    publish_time: str
    attempt: int
    project: Optional[str]
    event_type: str
    bucket: str
    object: str
    generation: str
    reprocess_id: Optional[str]

    @property
    def key(self):
        return (self.bucket, self.object, self.generation, self.reprocess_id)

    @property
    def labels(self):
        return {
            "bucket": self.bucket,
            "object": self.object,
            "generation": self.generation,
            "message-id": self.message_id,
            "attempt": str(self.attempt),
        }


def parse_push(body):
    """Accepts camelCase and snake_case names. Raises MalformedEnvelope that names the field."""
    try:
        envelope = json.loads(body)
    except ValueError:
        raise MalformedEnvelope("the body is not JSON.") from None
    envelope = _object(envelope, "the body")
    message = _object(envelope.get("message"), "message")
    attributes = _object(message.get("attributes"), "message.attributes")
    generation = _text(attributes.get("objectGeneration"), "message.attributes.objectGeneration")
    if not re.fullmatch(r"[1-9][0-9]{0,18}", generation):
        raise MalformedEnvelope(f'message.attributes.objectGeneration is "{generation}", not a generation.')
    attempt = envelope.get("deliveryAttempt", envelope.get("delivery_attempt", 1))
    if not isinstance(attempt, int) or isinstance(attempt, bool) or attempt < 1:
        raise MalformedEnvelope("deliveryAttempt is not a positive integer.")
    publish_time = _text(message.get("publishTime", message.get("publish_time")), "message.publishTime")
    parse_time(publish_time)
    reprocess_id = attributes.get("reprocess-id")
    if reprocess_id is not None:
        _text(reprocess_id, "message.attributes.reprocess-id")
    project = re.match(r"projects/([^/]+)/", str(envelope.get("subscription")))
    return Delivery(
        message_id=_text(message.get("messageId", message.get("message_id")), "message.messageId"),
        publish_time=publish_time,
        attempt=attempt,
        project=project.group(1) if project else None,
        event_type=_text(attributes.get("eventType"), "message.attributes.eventType"),
        bucket=_text(attributes.get("bucketId"), "message.attributes.bucketId"),
        object=_text(attributes.get("objectId"), "message.attributes.objectId"),
        generation=generation,
        reprocess_id=reprocess_id,
    )


def parse_time(text):
    """Seconds since 1970 of an RFC 3339 time, whose fraction may have nine digits."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not match:
        raise MalformedEnvelope(f'message.publishTime is "{text}", not a time.')
    whole, fraction, zone = match.groups()
    try:
        moment = datetime.datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone))
    except ValueError:
        raise MalformedEnvelope(f'message.publishTime is "{text}", not a time.') from None
    return moment.timestamp() + float(fraction or 0)


def _object(value, name):
    if isinstance(value, dict):
        return value
    raise MalformedEnvelope(f"{name} is {'missing' if value is None else 'not an object'}.")


def _text(value, name):
    if isinstance(value, str) and value:
        return value
    raise MalformedEnvelope(f"{name} is {'missing' if value is None else 'not a non-empty string'}.")
