# Not with the optional ones: the project is read once these are enabled, so another API would make its billing account
# unknown, and the budget would be replaced.
resource "google_project_service" "budget" {
  for_each = toset(var.budget == null ? [] : ["billingbudgets", "cloudbilling"])

  project            = var.project_id
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

data "google_project" "billed" {
  count = var.budget == null ? 0 : 1

  project_id = var.project_id

  depends_on = [google_project_service.budget]
}

# The label leaves out what else the project spends. Only email channels can be notified, beside the billing account's
# administrators: https://cloud.google.com/billing/docs/how-to/budgets-notification-recipients
resource "google_billing_budget" "this" {
  count = var.budget == null ? 0 : 1

  billing_account = data.google_project.billed[0].billing_account
  display_name    = "cloud-runner ${var.name}"

  budget_filter {
    projects        = ["projects/${local.project_number}"]
    labels          = { cloud-runner = var.name }
    calendar_period = "MONTH"
  }

  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1]

    content {
      threshold_percent = threshold_rules.value
    }
  }

  dynamic "all_updates_rule" {
    for_each = var.alerts.email[*]

    content {
      monitoring_notification_channels = [google_monitoring_notification_channel.this["email"].name]
    }
  }

  lifecycle {
    precondition {
      condition     = data.google_project.billed[0].billing_account != ""
      error_message = "budget needs the project's billing account: link one, or let the caller see it (resourcemanager.projects.get)."
    }
  }
}
