locals {
  ingress = {
    internal                          = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    internal-and-cloud-load-balancing = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    all                               = "INGRESS_TRAFFIC_ALL"
  }
  # Direct VPC egress, if there is a network to reach.
  vpc_access = var.network == null && var.subnetwork == null ? [] : [upper(replace(var.egress, "-", "_"))]

  buckets_environment = concat(
    [
      { name = "INPUT_BUCKET", value = local.input_bucket },
      { name = "OUTPUT_BUCKET", value = local.output_bucket },
    ],
    var.afterwards == "keep" ? [] : [{ name = "AFTERWARDS", value = var.afterwards }],
  )
  process_environment = concat(
    [for name, value in var.environment : { name = name, value = value }],
    var.label_column == null ? [] : [{ name = "LABEL_COLUMN", value = var.label_column }],
    var.model == null ? [] : [{ name = "MODEL", value = var.model }],
  )
  # By the variable that gets the value.
  secrets = {
    for name, secret in var.secrets : name => {
      secret  = split(":", secret)[0]
      version = try(split(":", secret)[1], "latest")
    }
  }
}

resource "google_cloud_run_v2_service" "worker" {
  count = var.image == null ? 0 : 1

  project             = var.project_id
  name                = var.name
  location            = var.region
  labels              = local.labels
  ingress             = local.ingress[var.ingress]
  deletion_protection = false

  dynamic "binary_authorization" {
    for_each = var.binary_authorization ? [true] : []

    content {
      use_default = true
    }
  }

  template {
    labels                           = local.labels
    service_account                  = local.worker_account
    timeout                          = "${var.request_timeout}s"
    max_instance_request_concurrency = var.concurrency
    encryption_key                   = var.kms_key

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    dynamic "vpc_access" {
      for_each = local.vpc_access

      content {
        egress = vpc_access.value

        network_interfaces {
          network    = var.network
          subnetwork = var.subnetwork
        }
      }
    }

    containers {
      image = var.image

      dynamic "env" {
        for_each = concat(
          local.buckets_environment,
          [
            { name = "DEADLINE_SECONDS", value = tostring(var.request_timeout) },
            { name = "JOB", value = "projects/${var.project_id}/locations/${var.region}/jobs/${var.name}-job" },
            { name = "JOB_THRESHOLD", value = var.job_threshold },
          ],
          var.job_tasks == 1 ? [] : [{ name = "JOB_TASKS", value = tostring(var.job_tasks) }],
          var.image_digest == null ? [] : [{ name = "IMAGE_DIGEST", value = var.image_digest }],
          var.filter.prefix == null ? [] : [{ name = "FILTER_PREFIX", value = var.filter.prefix }],
          var.filter.suffix == null ? [] : [{ name = "FILTER_SUFFIX", value = var.filter.suffix }],
          local.process_environment,
        )

        content {
          name  = env.value.name
          value = env.value.value
        }
      }

      dynamic "env" {
        for_each = local.secrets

        content {
          name = env.key

          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }

      ports {
        name           = "http1"
        container_port = 8080
      }

      # Patient: a worker on the runtime of cloud-runner ends itself when it is blocked, unless it cannot even do that.
      dynamic "liveness_probe" {
        for_each = var.liveness_port == null ? [] : [var.liveness_port]

        content {
          timeout_seconds   = 10
          period_seconds    = 30
          failure_threshold = 3

          http_get {
            path = "/healthz"
            port = liveness_probe.value
          }
        }
      }

      resources {
        limits = {
          cpu    = var.cpu
          memory = var.memory
        }
        # Required if resources are set: otherwise the CPU is always allocated, and billed.
        cpu_idle          = !var.cpu_always_allocated
        startup_cpu_boost = var.startup_cpu_boost
      }
    }
  }

  # `cloud-runner deploy` and `rollback` change these through the Admin API; a plan must not undo it.
  lifecycle {
    ignore_changes = [
      client,
      client_version,
      template[0].containers[0].image,
      template[0].containers[0].liveness_probe,
      template[0].revision,
      traffic,
    ]
  }

  # A revision, or an execution, without access to its secrets does not start.
  depends_on = [google_project_service.this, google_secret_manager_secret_iam_member.worker_reads]
}

# For files that take longer than a delivery's ten minutes: one execution per file, with the same image.
resource "google_cloud_run_v2_job" "worker" {
  count = var.image == null ? 0 : 1

  project             = var.project_id
  name                = "${var.name}-job"
  location            = var.region
  labels              = local.labels
  deletion_protection = false

  dynamic "binary_authorization" {
    for_each = var.binary_authorization ? [true] : []

    content {
      use_default = true
    }
  }

  template {
    labels = local.labels
    # As many at a time as Cloud Run can; the worker asks for more tasks when it hands a file over.
    parallelism = 0
    task_count  = 1

    template {
      service_account = local.worker_account
      timeout         = "${var.job_timeout}s"
      max_retries     = 3
      encryption_key  = var.kms_key

      dynamic "vpc_access" {
        for_each = local.vpc_access

        content {
          egress = vpc_access.value

          network_interfaces {
            network    = var.network
            subnetwork = var.subnetwork
          }
        }
      }

      containers {
        image = var.image

        dynamic "env" {
          for_each = concat(local.buckets_environment, local.process_environment)

          content {
            name  = env.value.name
            value = env.value.value
          }
        }

        dynamic "env" {
          for_each = local.secrets

          content {
            name = env.key

            value_source {
              secret_key_ref {
                secret  = env.value.secret
                version = env.value.version
              }
            }
          }
        }

        resources {
          limits = {
            cpu    = var.cpu
            memory = var.memory
          }
        }
      }
    }
  }

  # As for the service: `deploy` gives both the same image.
  lifecycle {
    ignore_changes = [
      client,
      client_version,
      template[0].template[0].containers[0].image,
    ]
  }

  # A revision, or an execution, without access to its secrets does not start.
  depends_on = [google_project_service.this, google_secret_manager_secret_iam_member.worker_reads]
}
