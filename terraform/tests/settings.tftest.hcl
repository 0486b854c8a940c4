# terraform test: what the settings of a pipeline change, with a mock provider.

mock_provider "google" {
  mock_resource "google_storage_bucket" {
    defaults = {
      project_number = 123456789012
    }
  }

  mock_data "google_storage_bucket" {
    defaults = {
      project_number = 999999999999
    }
  }

  mock_data "google_storage_project_service_account" {
    defaults = {
      email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
    }
  }
}

override_resource {
  target = google_service_account.worker
  values = {
    email  = "cloud-runner-worker@my-project-123.iam.gserviceaccount.com"
    member = "serviceAccount:cloud-runner-worker@my-project-123.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.push
  values = {
    email  = "cloud-runner-push@my-project-123.iam.gserviceaccount.com"
    member = "serviceAccount:cloud-runner-push@my-project-123.iam.gserviceaccount.com"
  }
}

variables {
  project_id = "my-project-123"
  image      = "europe-west3-docker.pkg.dev/my-project-123/cloud-runner/worker@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}

run "by_default_results_can_be_restored_and_only_google_reaches_the_service" {
  command = plan

  assert {
    condition = (
      google_storage_bucket.this["output"].soft_delete_policy[0].retention_duration_seconds == 7 * 86400 &&
      google_storage_bucket.this["input"].soft_delete_policy[0].retention_duration_seconds == 0
    )
    error_message = "Results are kept for 7 days after they were deleted, inputs are not."
  }

  assert {
    condition     = google_cloud_run_v2_service.worker[0].ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    error_message = "Pub/Sub of the same project is internal traffic; nothing else is needed."
  }

  assert {
    condition     = google_cloud_run_v2_service.worker[0].template[0].scaling[0].min_instance_count == 0
    error_message = "No instance may wait, and cost money, unless it was asked for."
  }

  assert {
    condition     = length(google_cloud_run_v2_service.worker[0].template[0].vpc_access) == 0 && length(google_cloud_run_v2_job.worker[0].template[0].template[0].vpc_access) == 0
    error_message = "Nothing reaches a network that was not named."
  }
}

run "service_and_job_get_the_environment" {
  command = plan

  variables {
    environment = { LANG = "en", EMPTY = "" }
  }

  assert {
    condition = alltrue([
      for container in [
        google_cloud_run_v2_service.worker[0].template[0].containers[0],
        google_cloud_run_v2_job.worker[0].template[0].template[0].containers[0],
      ] : { for variable in container.env : variable.name => variable.value }["LANG"] == "en"
    ])
    error_message = "Both must have the variable."
  }
}

run "service_and_job_get_secrets_and_may_read_them_alone" {
  command = plan

  variables {
    secrets = { API_KEY = "invoices-api-key", TOKEN = "invoices-token:3", SAME = "invoices-token" }
  }

  assert {
    condition = alltrue([
      for container in [
        google_cloud_run_v2_service.worker[0].template[0].containers[0],
        google_cloud_run_v2_job.worker[0].template[0].template[0].containers[0],
        ] : {
        for variable in container.env : variable.name => one(one(variable.value_source).secret_key_ref) if length(variable.value_source) > 0
        } == {
        API_KEY = { secret = "invoices-api-key", version = "latest" }
        TOKEN   = { secret = "invoices-token", version = "3" }
        SAME    = { secret = "invoices-token", version = "latest" }
      }
    ])
    error_message = "Both must have the variables."
  }

  assert {
    condition     = toset([for grant in google_secret_manager_secret_iam_member.worker_reads : grant.secret_id]) == toset(["invoices-api-key", "invoices-token"])
    error_message = "The worker must be able to read each secret, and no other."
  }

  assert {
    condition     = contains(keys(google_project_service.optional), "secretmanager")
    error_message = "The API must be enabled."
  }
}

run "a_prefix_filters_the_notification" {
  command = plan

  variables {
    filter = { prefix = "in/", suffix = ".csv" }
  }

  assert {
    condition     = toset(keys(google_storage_notification.uploads)) == toset(["in/", "_cloud-runner/canary/"])
    error_message = "Cloud Storage must announce these objects alone."
  }
}

run "inputs_stay_unless_asked_for" {
  command = plan

  assert {
    condition     = google_storage_bucket_iam_member.worker_reads.role == "roles/storage.objectViewer"
    error_message = "Nothing but reading is needed to keep inputs."
  }
}

run "inputs_move_to_the_archive" {
  command = plan

  variables {
    afterwards = "archive"
  }

  assert {
    condition = alltrue([
      for container in [
        google_cloud_run_v2_service.worker[0].template[0].containers[0],
        google_cloud_run_v2_job.worker[0].template[0].template[0].containers[0],
      ] : { for variable in container.env : variable.name => variable.value }["AFTERWARDS"] == "archive"
    ])
    error_message = "Both must archive what they processed."
  }

  assert {
    condition     = google_storage_bucket_iam_member.worker_reads.role == "roles/storage.objectUser"
    error_message = "To move an input, the worker must write and delete in its bucket."
  }
}

run "everything_that_can_carries_the_labels" {
  command = plan

  variables {
    labels = { team = "risk" }
  }

  assert {
    condition = alltrue([
      for labels in concat(
        [for bucket in google_storage_bucket.this : bucket.labels],
        [
          google_artifact_registry_repository.this.labels,
          google_cloud_run_v2_job.worker[0].labels,
          google_cloud_run_v2_service.worker[0].labels,
          google_pubsub_subscription.dead_letter.labels,
          google_pubsub_subscription.push[0].labels,
          google_pubsub_topic.dead_letter.labels,
          google_pubsub_topic.uploads.labels,
        ],
      ) : labels["team"] == "risk" && labels["cloud-runner"] == "cloud-runner"
    ])
    error_message = "A resource lacks a label."
  }
}

run "existing_buckets_are_neither_created_nor_changed" {
  command = plan

  variables {
    input_bucket  = "my-company-incoming"
    output_bucket = "my-company-results"
  }

  assert {
    condition     = length(google_storage_bucket.this) == 0
    error_message = "A bucket that exists must stay as it is."
  }

  assert {
    condition = (
      google_storage_notification.uploads[""].bucket == "my-company-incoming" &&
      google_storage_bucket_iam_member.worker_reads.bucket == "my-company-incoming" &&
      google_storage_bucket_iam_member.worker_writes.bucket == "my-company-results"
    )
    error_message = "The notification and the grants are the pipeline's own."
  }

  assert {
    condition     = google_pubsub_topic_iam_member.storage_publishes.member == "serviceAccount:service-999999999999@gs-project-accounts.iam.gserviceaccount.com"
    error_message = "The agent of the bucket's own project publishes its notifications."
  }

  assert {
    condition     = output.input_bucket == "my-company-incoming" && output.output_bucket == "my-company-results"
    error_message = "The outputs must name them."
  }
}

run "one_bucket_can_be_given_alone" {
  command = plan

  variables {
    output_bucket = "my-company-results"
  }

  assert {
    condition     = keys(google_storage_bucket.this) == ["input"] && output.input_bucket == "my-project-123-cloud-runner-input"
    error_message = "The other one is the pipeline's own."
  }
}

run "service_and_job_reach_the_network" {
  command = plan

  variables {
    network    = "internal"
    subnetwork = "workers"
    egress     = "all-traffic"
  }

  assert {
    condition = alltrue([
      for access in [
        google_cloud_run_v2_service.worker[0].template[0].vpc_access[0],
        google_cloud_run_v2_job.worker[0].template[0].template[0].vpc_access[0],
      ] : access.egress == "ALL_TRAFFIC" && access.network_interfaces[0].network == "internal" && access.network_interfaces[0].subnetwork == "workers"
    ])
    error_message = "Both need the way into the network."
  }
}

run "a_key_encrypts_whatever_keeps_data" {
  command = plan

  variables {
    kms_key = "projects/my-project-123/locations/europe-west3/keyRings/data/cryptoKeys/files"
  }

  assert {
    condition = alltrue([
      for key in concat(
        [for bucket in google_storage_bucket.this : bucket.encryption[0].default_kms_key_name],
        [
          google_artifact_registry_repository.this.kms_key_name,
          google_cloud_run_v2_job.worker[0].template[0].template[0].encryption_key,
          google_cloud_run_v2_service.worker[0].template[0].encryption_key,
          google_pubsub_topic.dead_letter.kms_key_name,
          google_pubsub_topic.uploads.kms_key_name,
        ],
      ) : key == var.kms_key
    ])
    error_message = "Something is encrypted with a key of Google's."
  }
}

run "results_are_kept_inputs_expire" {
  command = plan

  variables {
    retention_days       = 30
    noncurrent_days      = 90
    input_lifecycle_days = 3
    storage_class        = "NEARLINE"
    location             = "eu"
  }

  assert {
    condition = (
      google_storage_bucket.this["output"].retention_policy[0].retention_period == "2592000" &&
      google_storage_bucket.this["output"].versioning[0].enabled &&
      one(google_storage_bucket.this["output"].lifecycle_rule[0].condition).days_since_noncurrent_time == 90
    )
    error_message = "Results must outlive their retention period, replaced ones too."
  }

  assert {
    condition = (
      length(google_storage_bucket.this["input"].retention_policy) == 0 &&
      !google_storage_bucket.this["input"].versioning[0].enabled &&
      one(google_storage_bucket.this["input"].lifecycle_rule[0].condition).age == 3
    )
    error_message = "Inputs must go after three days."
  }

  assert {
    condition     = alltrue([for bucket in google_storage_bucket.this : bucket.location == "EU" && bucket.storage_class == "NEARLINE"])
    error_message = "Both buckets have the location and the class."
  }
}

run "instances_can_be_kept_ready" {
  command = plan

  variables {
    min_instances        = 2
    cpu_always_allocated = true
    startup_cpu_boost    = false
    ingress              = "all"
    binary_authorization = true
  }

  assert {
    condition = (
      google_cloud_run_v2_service.worker[0].template[0].scaling[0].min_instance_count == 2 &&
      !google_cloud_run_v2_service.worker[0].template[0].containers[0].resources[0].cpu_idle &&
      !google_cloud_run_v2_service.worker[0].template[0].containers[0].resources[0].startup_cpu_boost &&
      google_cloud_run_v2_service.worker[0].ingress == "INGRESS_TRAFFIC_ALL"
    )
    error_message = "The service must have what was asked for."
  }

  assert {
    condition     = google_cloud_run_v2_service.worker[0].binary_authorization[0].use_default && google_cloud_run_v2_job.worker[0].binary_authorization[0].use_default
    error_message = "The project's policy decides for both."
  }
}

run "an_existing_account_is_only_granted_what_it_needs" {
  command = plan

  variables {
    service_account = "shared@my-project-123.iam.gserviceaccount.com"
  }

  assert {
    condition     = length(google_service_account.worker) == 0
    error_message = "There is an account already."
  }

  assert {
    condition = alltrue([
      for member in [
        google_storage_bucket_iam_member.worker_reads.member,
        google_storage_bucket_iam_member.worker_writes.member,
        google_cloud_run_v2_job_iam_member.worker_hands_over[0].member,
      ] : member == "serviceAccount:shared@my-project-123.iam.gserviceaccount.com"
    ])
    error_message = "The account that runs the worker needs the grants."
  }

  assert {
    condition     = google_cloud_run_v2_service.worker[0].template[0].service_account == var.service_account && google_cloud_run_v2_job.worker[0].template[0].template[0].service_account == var.service_account
    error_message = "Service and job must run as it."
  }
}

run "without_alerts_monitoring_is_left_alone" {
  command = plan

  assert {
    condition     = length(google_monitoring_alert_policy.this) == 0 && length(google_project_service.optional) == 0
    error_message = "Nobody is to be notified."
  }
}

run "alerts_notify_each_channel_of_each_condition" {
  command = plan

  variables {
    alerts            = { email = "ops@example.com", webhook = "https://example.com/alerts" }
    no_result_minutes = 60
  }

  assert {
    condition     = google_monitoring_notification_channel.this["webhook"].labels == tomap({ url = "https://example.com/alerts" }) && google_monitoring_notification_channel.this["email"].type == "email"
    error_message = "There is a channel for each."
  }

  assert {
    condition     = length(google_monitoring_alert_policy.this[0].conditions) == 4 && google_monitoring_alert_policy.this[0].conditions[3].condition_threshold[0].aggregations[0].alignment_period == "3600s"
    error_message = "The fourth condition is the one that no_result_minutes adds."
  }
}

run "without_a_budget_billing_is_left_alone" {
  command = plan

  assert {
    condition     = length(google_billing_budget.this) + length(google_project_service.budget) + length(data.google_project.billed) == 0
    error_message = "Nobody asked for a budget."
  }
}

run "a_budget_counts_the_pipeline_alone_and_notifies_by_email" {
  command = apply

  variables {
    budget = 50
    alerts = { email = "ops@example.com", webhook = "https://example.com/alerts" }
  }

  override_data {
    target = data.google_project.billed
    values = {
      billing_account = "012345-6789AB-CDEF01"
    }
  }

  assert {
    condition = (
      google_billing_budget.this[0].amount[0].specified_amount[0].units == "50" &&
      google_billing_budget.this[0].budget_filter[0].projects == toset(["projects/123456789012"]) &&
      google_billing_budget.this[0].budget_filter[0].labels == tomap({ cloud-runner = "cloud-runner" })
    )
    error_message = "The budget is for this pipeline in this project."
  }

  assert {
    condition     = tolist([for rule in google_billing_budget.this[0].threshold_rules : rule.threshold_percent]) == tolist([0.5, 0.9, 1])
    error_message = "It notifies at 50, 90 and 100 %."
  }

  assert {
    condition     = length(google_billing_budget.this[0].all_updates_rule) == 1
    error_message = "The email channel is notified."
  }
}

# The project is read in the plan, since the run above enabled its APIs.
run "a_budget_needs_a_billing_account" {
  command = plan

  variables {
    budget = 50
  }

  override_data {
    target = data.google_project.billed
    values = {
      billing_account = ""
    }
  }

  expect_failures = [google_billing_budget.this[0]]
}

run "settings_have_rules" {
  command = plan

  variables {
    afterwards           = "burn"
    environment          = { "NO-HYPHENS" = "" }
    secrets              = { API_KEY = "projects/other" }
    filter               = { prefix = "a\nb" }
    input_bucket         = "gs://bucket"
    output_bucket        = "Bucket"
    storage_class        = "COLD"
    soft_delete_days     = 3
    retention_days       = 0
    input_lifecycle_days = 1.5
    labels               = { Team = "risk" }
    service_account      = "somebody@example.com"
    alerts               = { webhook = "http://example.com" }
    no_result_minutes    = 1
    budget               = 0
    ingress              = "public"
    network              = "projects/x/networks/y"
    egress               = "everything"
    kms_key              = "files"
    min_instances        = 11
  }

  expect_failures = [
    var.afterwards,
    var.environment,
    var.secrets,
    var.filter,
    var.input_bucket,
    var.output_bucket,
    var.storage_class,
    var.soft_delete_days,
    var.retention_days,
    var.input_lifecycle_days,
    var.labels,
    var.service_account,
    var.alerts,
    var.no_result_minutes,
    var.budget,
    var.ingress,
    var.network,
    var.egress,
    var.kms_key,
    var.min_instances,
  ]
}
