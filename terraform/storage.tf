locals {
  given   = { for use, name in { input = var.input_bucket, output = var.output_bucket } : use => name if name != null }
  created = { for use in ["input", "output"] : use => "${var.project_id}-${var.name}-${use}" if !contains(keys(local.given), use) }

  input_bucket  = var.input_bucket == null ? google_storage_bucket.this["input"].name : data.google_storage_bucket.given["input"].name
  output_bucket = var.output_bucket == null ? google_storage_bucket.this["output"].name : data.google_storage_bucket.given["output"].name

  # One for the names that the filter lets through, one for canaries if it would not.
  canaries          = "_cloud-runner/canary/"
  prefix            = var.filter.prefix == null ? "" : var.filter.prefix
  notified_prefixes = toset(startswith(local.canaries, local.prefix) ? [local.prefix] : [local.prefix, local.canaries])
}

# Neither created, changed nor deleted here.
data "google_storage_bucket" "given" {
  for_each = local.given

  name = each.value
}

resource "google_storage_bucket" "this" {
  for_each = local.created

  project                     = var.project_id
  name                        = each.value
  location                    = upper(coalesce(var.location, var.region))
  storage_class               = var.storage_class
  labels                      = local.labels
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy

  # Inputs that the pipeline deletes were asked to go, so versions and soft delete are for results.
  soft_delete_policy {
    retention_duration_seconds = each.key == "input" ? 0 : var.soft_delete_days * 86400
  }

  versioning {
    enabled = each.key == "output" && var.versioning
  }

  dynamic "retention_policy" {
    for_each = each.key == "output" && var.retention_days != null ? [var.retention_days] : []

    content {
      retention_period = retention_policy.value * 86400
    }
  }

  dynamic "lifecycle_rule" {
    for_each = each.key == "input" && var.input_lifecycle_days != null ? [var.input_lifecycle_days] : []

    content {
      action {
        type = "Delete"
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  # Also those from before versioning was turned off.
  dynamic "lifecycle_rule" {
    for_each = each.key == "output" && var.noncurrent_days > 0 ? [var.noncurrent_days] : []

    content {
      action {
        type = "Delete"
      }
      condition {
        days_since_noncurrent_time = lifecycle_rule.value
      }
    }
  }

  dynamic "encryption" {
    for_each = var.kms_key == null ? [] : [var.kms_key]

    content {
      default_kms_key_name = encryption.value
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_storage_notification" "uploads" {
  for_each = var.image == null ? [] : local.notified_prefixes

  bucket             = local.input_bucket
  topic              = google_pubsub_topic.uploads.id
  payload_format     = "JSON_API_V1"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = each.key == "" ? null : each.key

  # Cloud Storage checks its grant when the notification is created; nothing is announced before it can be delivered.
  depends_on = [google_pubsub_topic_iam_member.storage_publishes, google_pubsub_subscription.push]
}

moved {
  from = google_storage_notification.uploads[0]
  to   = google_storage_notification.uploads[""]
}
