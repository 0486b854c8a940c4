locals {
  alerting = var.alerts.email != null || var.alerts.webhook != null || var.alerts.slack != null

  alert_channels = merge(
    var.alerts.email == null ? {} : { email = { type = "email", labels = { email_address = var.alerts.email } } },
    var.alerts.webhook == null ? {} : { webhook = { type = "webhook_tokenauth", labels = { url = var.alerts.webhook } } },
  )

  alert_push_subscription = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${var.name}-push\" AND metric.type = \"pubsub.googleapis.com/subscription"
  alert_conditions = concat(
    [
      {
        title      = "dead letters"
        filter     = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${var.name}-dead-letter\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
        comparison = "COMPARISON_GT"
        threshold  = 0
        duration   = "0s"
        missing    = null
        period     = "60s"
        aligner    = "ALIGN_MAX"
      },
      {
        title      = "a file waits for more than an hour"
        filter     = "${local.alert_push_subscription}/oldest_unacked_message_age\""
        comparison = "COMPARISON_GT"
        threshold  = 3600
        duration   = "0s"
        missing    = null
        period     = "60s"
        aligner    = "ALIGN_MAX"
      },
      {
        title      = "an execution failed"
        filter     = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"${var.name}-job\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"failed\""
        comparison = "COMPARISON_GT"
        threshold  = 0
        duration   = "0s"
        missing    = null
        period     = "60s"
        aligner    = "ALIGN_SUM"
      },
    ],
    # A duration of at least a minute lets missing data count as none.
    [
      for minutes in var.no_result_minutes[*] : {
        title      = "no file was processed in ${minutes} minutes"
        filter     = "${local.alert_push_subscription}/push_request_count\" AND metric.labels.response_class = \"ack\""
        comparison = "COMPARISON_LT"
        threshold  = 1
        duration   = "60s"
        missing    = "EVALUATION_MISSING_DATA_ACTIVE"
        period     = "${minutes * 60}s"
        aligner    = "ALIGN_SUM"
      }
    ],
  )
}

resource "google_monitoring_notification_channel" "this" {
  for_each = local.alert_channels

  project      = var.project_id
  type         = each.value.type
  display_name = "cloud-runner ${var.name}: ${each.key}"
  labels       = each.value.labels
  user_labels  = local.labels

  depends_on = [google_project_service.optional]
}

# Each condition opens incidents of its own.
resource "google_monitoring_alert_policy" "this" {
  count = local.alerting ? 1 : 0

  project               = var.project_id
  display_name          = "cloud-runner ${var.name}"
  combiner              = "OR"
  user_labels           = local.labels
  notification_channels = concat([for channel in google_monitoring_notification_channel.this : channel.name], var.alerts.slack[*])

  dynamic "conditions" {
    for_each = local.alert_conditions

    content {
      display_name = "${var.name}: ${conditions.value.title}"

      condition_threshold {
        filter                  = conditions.value.filter
        comparison              = conditions.value.comparison
        threshold_value         = conditions.value.threshold
        duration                = conditions.value.duration
        evaluation_missing_data = conditions.value.missing

        aggregations {
          alignment_period   = conditions.value.period
          per_series_aligner = conditions.value.aligner
        }
      }
    }
  }

  depends_on = [google_project_service.optional]
}
