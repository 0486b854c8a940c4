resource "google_artifact_registry_repository" "this" {
  project       = var.project_id
  repository_id = var.name
  location      = var.region
  format        = "DOCKER"
  description   = "Images of the worker of the cloud-runner pipeline ${var.name}"
  labels        = local.labels
  kms_key_name  = var.kms_key

  # Cloud Run keeps its own copy of an image only while a revision serves; images to roll back to are kept here.
  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = var.images_kept
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      tag_state  = "ANY"
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.this]
}
