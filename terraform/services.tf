locals {
  # Disabling these with the pipeline would break other resources in the project, so they stay enabled.
  services = concat(
    ["artifactregistry", "cloudresourcemanager", "iam", "logging", "pubsub", "run", "storage"],
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

# Reading it also creates the account if the project never used Cloud Storage.
data "google_storage_project_service_account" "this" {
  project = var.project_id

  depends_on = [google_project_service.this]
}
