# terraform test: the module's own rules, with a mock provider.

mock_provider "google" {
  mock_resource "google_storage_bucket" {
    defaults = {
      project_number = 123456789012
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

run "without_an_image_nothing_receives_files" {
  command = plan

  variables {
    image = null
  }

  assert {
    condition = (
      length(google_cloud_run_v2_service.worker) == 0 &&
      length(google_cloud_run_v2_job.worker) == 0 &&
      length(google_pubsub_subscription.push) == 0 &&
      length(google_storage_notification.uploads) == 0
    )
    error_message = "Something that needs an image was created."
  }

  assert {
    condition     = output.service_name == null && output.image_uri == "europe-west3-docker.pkg.dev/my-project-123/cloud-runner/worker"
    error_message = "The registry's address must be known before there is a service."
  }
}

# Before anything is applied: later changes of the probe are ignored.
run "a_worker_without_a_liveness_endpoint_is_not_probed" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_service.worker[0].template[0].containers[0].liveness_probe) == 0
    error_message = "A probe without an endpoint would end the worker."
  }
}

run "a_worker_with_a_liveness_endpoint_is_probed_there" {
  command = plan

  variables {
    liveness_port = 8081
  }

  assert {
    condition     = google_cloud_run_v2_service.worker[0].template[0].containers[0].liveness_probe[0].http_get[0].port == 8081
    error_message = "The probe must be of the port that the worker serves."
  }
}

run "with_an_image_the_chain_is_complete" {
  command = apply

  assert {
    condition     = google_pubsub_subscription.push[0].push_config[0].push_endpoint == google_cloud_run_v2_service.worker[0].uri
    error_message = "Deliveries must go to the service."
  }

  assert {
    condition     = google_pubsub_subscription.push[0].push_config[0].oidc_token[0].service_account_email == google_service_account.push.email
    error_message = "Deliveries must carry the push account's token."
  }

  assert {
    condition     = google_pubsub_subscription.push[0].expiration_policy[0].ttl == "" && google_pubsub_subscription.dead_letter.expiration_policy[0].ttl == ""
    error_message = "A subscription must not delete itself."
  }

  assert {
    condition     = google_cloud_run_v2_service.worker[0].template[0].containers[0].resources[0].cpu_idle
    error_message = "CPU must not be billed while there is nothing to do."
  }

  assert {
    condition     = !google_cloud_run_v2_service.worker[0].deletion_protection && !google_cloud_run_v2_job.worker[0].deletion_protection
    error_message = "destroy must be able to delete them."
  }

  assert {
    condition     = alltrue([for bucket in google_storage_bucket.this : bucket.uniform_bucket_level_access && bucket.public_access_prevention == "enforced"])
    error_message = "Buckets must not be open to the public."
  }
}

run "names_start_with_the_pipeline_s" {
  command = plan

  variables {
    name   = "invoices"
    region = "us-central1"
  }

  assert {
    condition     = output.input_bucket == "my-project-123-invoices-input" && output.output_bucket == "my-project-123-invoices-output"
    error_message = "Bucket names are PROJECT-NAME-input and -output."
  }

  assert {
    condition     = output.service_name == "invoices" && output.job_name == "invoices-job"
    error_message = "The service must have the pipeline's name."
  }
}

run "a_project_number_is_not_a_project_id" {
  command = plan

  variables {
    project_id = "123456789012"
  }

  expect_failures = [var.project_id]
}

run "a_name_ends_with_a_letter_or_digit" {
  command = plan

  variables {
    name = "invoices-"
  }

  expect_failures = [var.name]
}

run "a_name_leaves_room_for_account_ids" {
  command = plan

  variables {
    name = "a-name-of-twenty-four-ch"
  }

  expect_failures = [var.name]
}

run "an_image_has_a_digest" {
  command = plan

  variables {
    image = "europe-west3-docker.pkg.dev/my-project-123/cloud-runner/worker:latest"
  }

  expect_failures = [var.image]
}

run "a_file_ends_before_its_message_comes_again" {
  command = plan

  variables {
    request_timeout = 300
    ack_deadline    = 300
  }

  expect_failures = [var.request_timeout]
}

run "numbers_have_bounds" {
  command = plan

  variables {
    region                = "EU"
    concurrency           = 0
    liveness_port         = 8080
    max_instances         = 1.5
    memory                = "1GB"
    maximum_backoff       = 601
    max_delivery_attempts = 4
    message_retention     = 599
    images_kept           = 0
    job_threshold         = "256MB"
    job_timeout           = 0
    job_tasks             = 101
  }

  expect_failures = [
    var.region,
    var.concurrency,
    var.liveness_port,
    var.max_instances,
    var.memory,
    var.maximum_backoff,
    var.max_delivery_attempts,
    var.message_retention,
    var.images_kept,
    var.job_threshold,
    var.job_timeout,
    var.job_tasks,
  ]
}

run "cpus_are_whole_and_even_above_one" {
  command = plan

  variables {
    cpu = "3"
  }

  expect_failures = [var.cpu]
}

run "memory_is_what_cloud_run_offers" {
  command = plan

  variables {
    memory = "256Mi"
  }

  expect_failures = [var.memory]
}

run "more_cpus_need_more_memory" {
  command = plan

  variables {
    cpu    = "4"
    memory = "1Gi"
  }

  expect_failures = [var.memory]
}

run "more_memory_needs_more_cpus" {
  command = plan

  variables {
    cpu    = "4"
    memory = "17Gi"
  }

  expect_failures = [var.memory]
}

run "memory_at_its_bound" {
  command = plan

  variables {
    cpu    = "8"
    memory = "32Gi"
  }
}

run "backoff_grows" {
  command = plan

  variables {
    minimum_backoff = 30
    maximum_backoff = 20
  }

  expect_failures = [var.minimum_backoff]
}
