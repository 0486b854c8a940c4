output "project_id" {
  description = "Project of the pipeline."
  value       = var.project_id
}

output "region" {
  description = "Region of the buckets, registry and service."
  value       = var.region
}

output "input_bucket" {
  description = "Bucket to upload files to."
  value       = local.input_bucket
}

output "output_bucket" {
  description = "Bucket with the results."
  value       = local.output_bucket
}

output "image_uri" {
  description = "Repository path for worker images, without tag or digest."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.this.repository_id}/worker"
}

output "service_name" {
  description = "Cloud Run service that processes files; null without an image."
  value       = one(google_cloud_run_v2_service.worker[*].name)
}

output "service_url" {
  description = "URL of the service; null without an image."
  value       = one(google_cloud_run_v2_service.worker[*].uri)
}

output "job_name" {
  description = "Cloud Run job for files that take longer than a delivery may; null without an image."
  value       = one(google_cloud_run_v2_job.worker[*].name)
}

output "topic" {
  description = "Topic that announces uploads."
  value       = google_pubsub_topic.uploads.id
}

output "subscription" {
  description = "Subscription that delivers uploads to the service; null without an image."
  value       = one(google_pubsub_subscription.push[*].id)
}

output "dead_letter_subscription" {
  description = "Subscription that keeps files that could not be processed."
  value       = google_pubsub_subscription.dead_letter.id
}
