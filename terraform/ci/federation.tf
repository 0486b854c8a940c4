# GitHub proves with a token of its own which workflow runs; Google exchanges that for one of the deployer account, for
# an hour at most. There is no key to keep or to lose.

locals {
  subject = "assertion.repository == '${var.repository}' && assertion.ref == 'refs/heads/${var.branch}'"
  owner   = var.repository_owner_id == null ? "" : " && assertion.repository_owner_id == '${var.repository_owner_id}'"
}

resource "google_project_service" "this" {
  for_each = toset(["iam", "iamcredentials", "sts"])

  project            = var.project_id
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

resource "google_iam_workload_identity_pool" "github" {
  project                   = var.project_id
  workload_identity_pool_id = "${var.name}-github"
  display_name              = "cloud-runner ${var.name}"
  description               = "Workflows of ${var.repository} that deploy the cloud-runner pipeline ${var.name}"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  project                            = var.project_id
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  # Without a condition, every repository on GitHub would get a token of the pool.
  attribute_condition = "${local.subject}${local.owner}"
  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account" "deployer" {
  project      = var.project_id
  account_id   = "${var.name}-deploy"
  display_name = "cloud-runner ${var.name}: deploy"
  description  = "cloud-runner=${var.name}"

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_member" "github_deploys" {
  service_account_id = google_service_account.deployer.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/attribute.repository/${var.repository}"
}
