# What `cloud-runner deploy` needs, on single resources: push an image, change the service and the job, have both run
# as the worker's account. It may not change grants or the rest of the pipeline. It has no access to files of its own,
# but whoever controls the branch can deploy any code as the worker, which reads and writes them.

locals {
  worker_account = coalesce(var.service_account, "${var.name}-worker@${var.project_id}.iam.gserviceaccount.com")
}

resource "google_artifact_registry_repository_iam_member" "pushes" {
  project    = var.project_id
  location   = var.region
  repository = var.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.deployer.member
}

resource "google_cloud_run_v2_service_iam_member" "deploys" {
  project  = var.project_id
  location = var.region
  name     = var.name
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_cloud_run_v2_job_iam_member" "deploys" {
  project  = var.project_id
  location = var.region
  name     = "${var.name}-job"
  role     = "roles/run.developer"
  member   = google_service_account.deployer.member
}

resource "google_service_account_iam_member" "acts_as_worker" {
  service_account_id = "projects/${var.project_id}/serviceAccounts/${local.worker_account}"
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deployer.member
}

# Operations and log lines belong to the project: Google grants them on nothing smaller. They are only read.
resource "google_project_iam_custom_role" "follows" {
  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}_deploy"
  title       = "cloud-runner ${var.name}: follow a deployment"
  description = "Read the operations of Cloud Run, and the log lines of a revision that does not start"
  permissions = ["logging.logEntries.list", "run.operations.get"]

  depends_on = [google_project_service.this]
}

resource "google_project_iam_member" "follows" {
  project = var.project_id
  role    = google_project_iam_custom_role.follows.name
  member  = google_service_account.deployer.member
}
