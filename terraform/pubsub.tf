resource "google_pubsub_topic" "uploads" {
  project      = var.project_id
  name         = "${var.name}-uploads"
  labels       = local.labels
  kms_key_name = var.kms_key

  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic" "dead_letter" {
  project      = var.project_id
  name         = "${var.name}-dead-letter"
  labels       = local.labels
  kms_key_name = var.kms_key

  depends_on = [google_project_service.this]
}

# A topic without a subscription loses what is published to it.
resource "google_pubsub_subscription" "dead_letter" {
  project                    = var.project_id
  name                       = "${var.name}-dead-letter"
  topic                      = google_pubsub_topic.dead_letter.id
  labels                     = local.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s"

  # By default a subscription deletes itself after 31 days without activity.
  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "push" {
  count = var.image == null ? 0 : 1

  project                    = var.project_id
  name                       = "${var.name}-push"
  topic                      = google_pubsub_topic.uploads.id
  labels                     = local.labels
  ack_deadline_seconds       = var.ack_deadline
  message_retention_duration = "${var.message_retention}s"

  push_config {
    push_endpoint = google_cloud_run_v2_service.worker[0].uri

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = google_cloud_run_v2_service.worker[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "${var.minimum_backoff}s"
    maximum_backoff = "${var.maximum_backoff}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter.id
    max_delivery_attempts = var.max_delivery_attempts
  }

  expiration_policy {
    ttl = ""
  }

  # The first delivery must not meet a 403.
  depends_on = [
    google_cloud_run_v2_job_iam_member.worker_hands_over,
    google_cloud_run_v2_service_iam_member.push_invokes,
    google_pubsub_topic_iam_member.dead_letters_forwarded,
    google_storage_bucket_iam_member.worker_reads,
    google_storage_bucket_iam_member.worker_writes,
  ]
}
