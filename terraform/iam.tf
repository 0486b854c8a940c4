# Every grant is on a single resource and is added to the existing ones: no project-wide role, no authoritative policy.

resource "google_service_account" "worker" {
  count = var.service_account == null ? 1 : 0

  project      = var.project_id
  account_id   = "${var.name}-worker"
  display_name = "cloud-runner ${var.name}: worker"
  description  = "cloud-runner=${var.name}"

  create_ignore_already_exists = true

  depends_on = [google_project_service.this]
}

resource "google_service_account" "push" {
  project      = var.project_id
  account_id   = "${var.name}-push"
  display_name = "cloud-runner ${var.name}: push"
  description  = "cloud-runner=${var.name}"

  create_ignore_already_exists = true

  depends_on = [google_project_service.this]
}

locals {
  worker_account = coalesce(var.service_account, one(google_service_account.worker[*].email))
  worker         = "serviceAccount:${local.worker_account}"
  # Asking for the project itself would need the Cloud Billing API as well.
  project_number = regex("^service-([0-9]+)@", data.google_storage_project_service_account.this.email_address)[0]
  # The agent of the project that a bucket belongs to publishes its notifications.
  storage_agent = "serviceAccount:service-${try(data.google_storage_bucket.given["input"].project_number, local.project_number)}@gs-project-accounts.iam.gserviceaccount.com"
  pubsub_agent  = "serviceAccount:service-${local.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# objectUser only to archive or delete: no predefined role with fewer permissions can delete an object.
resource "google_storage_bucket_iam_member" "worker_reads" {
  bucket = local.input_bucket
  role   = var.afterwards == "keep" ? "roles/storage.objectViewer" : "roles/storage.objectUser"
  member = local.worker

  # Otherwise another role would leave the worker without any for a moment.
  lifecycle {
    create_before_destroy = true
  }
}

# objectUser and not objectCreator: replacing an older result deletes it.
resource "google_storage_bucket_iam_member" "worker_writes" {
  bucket = local.output_bucket
  role   = "roles/storage.objectUser"
  member = local.worker
}

# Secrets exist before the pipeline and outlive it.
resource "google_secret_manager_secret_iam_member" "worker_reads" {
  for_each = toset([for secret in local.secrets : secret.secret])

  project   = var.project_id
  secret_id = each.key
  role      = "roles/secretmanager.secretAccessor"
  member    = local.worker

  depends_on = [google_project_service.optional]
}

resource "google_pubsub_topic_iam_member" "storage_publishes" {
  project = var.project_id
  topic   = google_pubsub_topic.uploads.name
  role    = "roles/pubsub.publisher"
  member  = local.storage_agent
}

resource "google_pubsub_topic_iam_member" "dead_letters_forwarded" {
  project = var.project_id
  topic   = google_pubsub_topic.dead_letter.name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letters_taken" {
  count = var.image == null ? 0 : 1

  project      = var.project_id
  subscription = google_pubsub_subscription.push[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

resource "google_cloud_run_v2_service_iam_member" "push_invokes" {
  count = var.image == null ? 0 : 1

  project  = var.project_id
  name     = google_cloud_run_v2_service.worker[0].name
  location = google_cloud_run_v2_service.worker[0].location
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

# The worker hands over a long file by running the job, with overrides that name the file.
resource "google_cloud_run_v2_job_iam_member" "worker_hands_over" {
  count = var.image == null ? 0 : 1

  project  = var.project_id
  name     = google_cloud_run_v2_job.worker[0].name
  location = google_cloud_run_v2_job.worker[0].location
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = local.worker
}
