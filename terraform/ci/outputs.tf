output "CLOUD_RUNNER_PROJECT" {
  description = "Project to deploy to."
  value       = var.project_id
}

output "WORKLOAD_IDENTITY_PROVIDER" {
  description = "Provider that the workflow presents GitHub's token to."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "DEPLOYER_SERVICE_ACCOUNT" {
  description = "Account that the workflow acts as."
  value       = google_service_account.deployer.email
}
