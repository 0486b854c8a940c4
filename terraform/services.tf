locals {
  # Disabling these with the pipeline would break other resources in the project, so they stay enabled.
  services = ["artifactregistry", "cloudresourcemanager", "iam", "logging", "pubsub", "run", "storage"]
  optional_services = concat(
    local.alerting ? ["monitoring"] : [],
    length(var.secrets) == 0 ? [] : ["secretmanager"],
  )

  labels = merge(var.labels, { cloud-runner = var.name })
}

resource "google_project_service" "this" {
  for_each = toset(local.services)

  project            = var.project_id
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

# Not with the others: what is read once they are enabled would be unknown in the plan that adds one of these, and
# grants to it would be replaced.
resource "google_project_service" "optional" {
  for_each = toset(local.optional_services)

  project            = var.project_id
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

moved {
  from = google_project_service.monitoring[0]
  to   = google_project_service.optional["monitoring"]
}

moved {
  from = google_project_service.this["secretmanager"]
  to   = google_project_service.optional["secretmanager"]
}

# Reading it also creates the account if the project never used Cloud Storage.
data "google_storage_project_service_account" "this" {
  project = var.project_id

  depends_on = [google_project_service.this]
}
