locals {
  buckets = {
    input  = "${var.project_id}-${var.name}-input"
    output = "${var.project_id}-${var.name}-output"
  }
}

resource "google_storage_bucket" "this" {
  for_each = local.buckets

  project                     = var.project_id
  name                        = each.value
  location                    = upper(var.region)
  storage_class               = "STANDARD"
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy

  # Scratch data: a deleted object would otherwise be billed for another week.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  depends_on = [google_project_service.this]
}

resource "google_storage_notification" "uploads" {
  count = var.image == null ? 0 : 1

  bucket         = google_storage_bucket.this["input"].name
  topic          = google_pubsub_topic.uploads.id
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE"]

  # Cloud Storage checks its grant when the notification is created; nothing is announced before it can be delivered.
  depends_on = [google_pubsub_topic_iam_member.storage_publishes, google_pubsub_subscription.push]
}
