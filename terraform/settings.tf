# Generated from src/core/settings/settings.ts by `npm run build`: make changes there.

variable "name" {
  description = "Name of the pipeline; the names of its resources start with it."
  type        = string
  default     = "cloud-runner"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,21}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen."
  }
}

variable "region" {
  description = "Region of the buckets, registry and service."
  type        = string
  default     = "europe-west3"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be a region such as europe-west3 or us-central1."
  }
}

variable "label_column" {
  description = "Column to predict, unless a file names its own."
  type        = string
  default     = null

  validation {
    condition     = var.label_column == null || can(regex("^[^\\0]{1,1000}$", var.label_column))
    error_message = "label_column must be the name of a column, at most 1000 characters."
  }
}

variable "environment" {
  description = "Environment variables of the worker."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, value in var.environment : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && can(regex("^[^\\0]*$", value))])
    error_message = "environment must be texts by variable name, such as {\"LANG\": \"en\"}."
  }
}

variable "secrets" {
  description = "Environment variables of the worker that get their values from Secret Manager, in the same project; without a version, the latest."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, value in var.secrets : can(regex("^[A-Za-z_][A-Za-z0-9_]*$", name)) && can(regex("^[A-Za-z0-9_-]{1,255}(:[A-Za-z0-9_-]{1,63})?$", value))])
    error_message = "secrets must be SECRET or SECRET:VERSION by variable name, such as {\"API_KEY\": \"invoices-api-key:3\"}."
  }
}

variable "filter" {
  description = "Prefix and suffix of the objects to process; other objects in the input bucket are left alone."
  type        = object({ prefix = optional(string), suffix = optional(string) })
  default     = {}
  nullable    = false

  validation {
    condition     = try(var.filter.prefix == null || can(regex("^[^\\r\\n]{1,1000}$", var.filter.prefix)), false) && try(var.filter.suffix == null || can(regex("^[^\\r\\n]{1,1000}$", var.filter.suffix)), false)
    error_message = "filter must be prefix, suffix or both, such as {\"prefix\": \"in/\", \"suffix\": \".csv\"}."
  }
}

variable "afterwards" {
  description = "What happens to a file once its result exists: it stays, moves to archive/ in its bucket, or is deleted. Failed files stay."
  type        = string
  default     = "keep"
  nullable    = false

  validation {
    condition     = contains(["keep", "archive", "delete"], var.afterwards)
    error_message = "afterwards must be keep, archive or delete."
  }
}

variable "input_bucket" {
  description = "Existing bucket to read files from, possibly in another project. The pipeline adds only its notification and grants, which destroy removes."
  type        = string
  default     = null

  validation {
    condition     = var.input_bucket == null || can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", var.input_bucket))
    error_message = "input_bucket must be the name of a bucket."
  }
}

variable "output_bucket" {
  description = "Existing bucket to write results to, possibly in another project. The pipeline adds only its grant, and destroy keeps the results."
  type        = string
  default     = null

  validation {
    condition     = var.output_bucket == null || can(regex("^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$", var.output_bucket))
    error_message = "output_bucket must be the name of a bucket."
  }
}

variable "location" {
  description = "Location of buckets that the pipeline creates: a region, dual-region or multi-region. The default is the region."
  type        = string
  default     = null

  validation {
    condition     = var.location == null || can(regex("^[A-Za-z][A-Za-z0-9-]+$", var.location))
    error_message = "location must be a location such as EU, EUR4 or europe-west3."
  }
}

variable "storage_class" {
  description = "Storage class of buckets that the pipeline creates."
  type        = string
  default     = "STANDARD"
  nullable    = false

  validation {
    condition     = contains(["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"], var.storage_class)
    error_message = "storage_class must be STANDARD, NEARLINE, COLDLINE or ARCHIVE."
  }
}

variable "versioning" {
  description = "Whether the output bucket keeps replaced and deleted results as noncurrent versions, so that earlier runs of a file can be read. They are billed like any other object."
  type        = bool
  default     = true
  nullable    = false
}

variable "noncurrent_days" {
  description = "Days after which Cloud Storage deletes a noncurrent version of a result; 0: never. It can be restored for soft_delete_days more, and is billed until then."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.noncurrent_days == 0 || (var.noncurrent_days >= 1 && var.noncurrent_days <= 36500 && floor(var.noncurrent_days) == var.noncurrent_days)
    error_message = "noncurrent_days must be 0, or a whole number from 1 to 36500."
  }
}

variable "soft_delete_days" {
  description = "Days during which a version of a result that was deleted, or replaced without versioning, can be restored; meanwhile it is billed like any other object."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.soft_delete_days == 0 || (var.soft_delete_days >= 7 && var.soft_delete_days <= 90 && floor(var.soft_delete_days) == var.soft_delete_days)
    error_message = "soft_delete_days must be 0, or a whole number from 7 to 90."
  }
}

variable "retention_days" {
  description = "Days before which no result can be deleted; needs versioning, so that results can still be replaced."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null || try(var.retention_days >= 1 && var.retention_days <= 36500 && floor(var.retention_days) == var.retention_days, false)
    error_message = "retention_days must be a whole number from 1 to 36500."
  }
}

variable "input_lifecycle_days" {
  description = "Days after which Cloud Storage deletes objects in the input bucket."
  type        = number
  default     = null

  validation {
    condition     = var.input_lifecycle_days == null || try(var.input_lifecycle_days >= 1 && var.input_lifecycle_days <= 36500 && floor(var.input_lifecycle_days) == var.input_lifecycle_days, false)
    error_message = "input_lifecycle_days must be a whole number from 1 to 36500."
  }
}

variable "labels" {
  description = "Labels on every resource that can have them, for billing reports and searches."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name, value in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", name)) && can(regex("^[a-z0-9_-]{0,63}$", value))])
    error_message = "labels must be texts by label key, lower-case letters, digits, hyphens and underscores, such as {\"team\": \"risk\"}."
  }
}

variable "alerts" {
  description = "Whom Cloud Monitoring notifies of dead letters, files waiting for over an hour and failed executions: email, webhook (also locally) or slack."
  type        = object({ email = optional(string), webhook = optional(string), slack = optional(string) })
  default     = {}
  nullable    = false

  validation {
    condition     = try(var.alerts.email == null || can(regex("^[^\\s@]+@[^\\s@]+[.][^\\s@]+$", var.alerts.email)), false) && try(var.alerts.webhook == null || can(regex("^(https:\\/\\/[^\\s/]+|http:\\/\\/(localhost|127[.]0[.]0[.]1)(:[0-9]+)?)([/?][^\\s]*)?$", var.alerts.webhook)), false) && try(var.alerts.slack == null || can(regex("^projects\\/[^/\\s]+\\/notificationChannels\\/[0-9]+$", var.alerts.slack)), false)
    error_message = "alerts must be email, webhook (https) or slack (projects/PROJECT/notificationChannels/ID), such as {\"email\": \"ops@example.com\"}."
  }
}

variable "no_result_minutes" {
  description = "Minutes without a processed file before an alert is sent, for pipelines whose files arrive regularly."
  type        = number
  default     = null

  validation {
    condition     = var.no_result_minutes == null || try(var.no_result_minutes >= 5 && var.no_result_minutes <= 1440 && floor(var.no_result_minutes) == var.no_result_minutes, false)
    error_message = "no_result_minutes must be a whole number from 5 to 1440."
  }
}

variable "budget" {
  description = "Monthly budget of the pipeline, in the billing account's currency: Google notifies the account's administrators and alerts.email at 50, 90 and 100 %. It stops nothing."
  type        = number
  default     = null

  validation {
    condition     = var.budget == null || try(var.budget >= 1 && var.budget <= 1000000000 && floor(var.budget) == var.budget, false)
    error_message = "budget must be a whole number from 1 to 1000000000."
  }
}

variable "service_account" {
  description = "Existing service account that the worker runs as; the pipeline only adds the grants it needs. By default, one is created."
  type        = string
  default     = null

  validation {
    condition     = var.service_account == null || can(regex("^[a-z0-9][a-z0-9.-]*@[a-z0-9.-]+\\.gserviceaccount\\.com$", var.service_account))
    error_message = "service_account must be the email address of a service account."
  }
}

variable "ingress" {
  description = "Where requests to the service may come from. Pub/Sub in the same project is internal; `deploy --tag` addresses need all."
  type        = string
  default     = "internal"
  nullable    = false

  validation {
    condition     = contains(["internal", "internal-and-cloud-load-balancing", "all"], var.ingress)
    error_message = "ingress must be internal, internal-and-cloud-load-balancing or all."
  }
}

variable "network" {
  description = "VPC network that instances connect to directly."
  type        = string
  default     = null

  validation {
    condition     = var.network == null || can(regex("^(projects\\/[^/]+\\/global\\/networks\\/)?[a-z][a-z0-9-]{0,62}$", var.network))
    error_message = "network must be the name of a network, or projects/PROJECT/global/networks/NAME."
  }
}

variable "subnetwork" {
  description = "Subnetwork of the network, in the pipeline's region."
  type        = string
  default     = null

  validation {
    condition     = var.subnetwork == null || can(regex("^(projects\\/[^/]+\\/regions\\/[^/]+\\/subnetworks\\/)?[a-z][a-z0-9-]{0,62}$", var.subnetwork))
    error_message = "subnetwork must be the name of a subnetwork, or projects/PROJECT/regions/REGION/subnetworks/NAME."
  }
}

variable "egress" {
  description = "Which outgoing requests of an instance go through the network."
  type        = string
  default     = "private-ranges-only"
  nullable    = false

  validation {
    condition     = contains(["private-ranges-only", "all-traffic"], var.egress)
    error_message = "egress must be private-ranges-only or all-traffic."
  }
}

variable "kms_key" {
  description = "Cloud KMS key that encrypts buckets, topics, images, service and job, instead of Google's own keys."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key == null || can(regex("^projects\\/[^/]+\\/locations\\/[^/]+\\/keyRings\\/[^/]+\\/cryptoKeys\\/[^/]+$", var.kms_key))
    error_message = "kms_key must be projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY."
  }
}

variable "binary_authorization" {
  description = "Whether the project's Binary Authorization policy decides which images may run."
  type        = bool
  default     = false
  nullable    = false
}

variable "concurrency" {
  description = "Files that one instance processes at the same time."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency must be a whole number from 1 to 1000."
  }
}

variable "max_instances" {
  description = "Maximum number of instances running at the same time."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances must be a whole number from 1 to 1000."
  }
}

variable "min_instances" {
  description = "Instances kept ready, and billed, while no files arrive."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.min_instances >= 0 && var.min_instances <= 1000 && floor(var.min_instances) == var.min_instances
    error_message = "min_instances must be a whole number from 0 to 1000."
  }

  validation {
    condition     = var.min_instances <= var.max_instances
    error_message = "min_instances must not be above max_instances: an instance that stays ready counts."
  }
}

variable "cpu_always_allocated" {
  description = "Whether an instance keeps its CPUs between files, and is billed for them."
  type        = bool
  default     = false
  nullable    = false
}

variable "startup_cpu_boost" {
  description = "Whether an instance gets more CPU while it starts."
  type        = bool
  default     = true
  nullable    = false
}

variable "cpu" {
  description = "CPUs per instance; on the local target, only containers are limited to them."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = can(regex("^[12468]$", var.cpu))
    error_message = "cpu must be 1, 2, 4, 6 or 8."
  }
}

variable "memory" {
  description = "Memory per instance, as Cloud Run offers it: 512Mi to 4Gi with 1 CPU, to 8Gi with 2, 2Gi to 16Gi with 4, 4Gi to 24Gi with 6, 4Gi to 32Gi with 8."
  type        = string
  default     = "1Gi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "memory must be an amount such as 512Mi or 1Gi."
  }

  validation {
    condition     = try(tonumber(trimsuffix(replace(var.memory, "Gi", "Mi"), "Mi")) * (endswith(var.memory, "Gi") ? 1024 : 1) >= { "1" = 512, "2" = 512, "4" = 2048, "6" = 4096, "8" = 4096 }[var.cpu] && tonumber(trimsuffix(replace(var.memory, "Gi", "Mi"), "Mi")) * (endswith(var.memory, "Gi") ? 1024 : 1) <= { "1" = 4096, "2" = 8192, "4" = 16384, "6" = 24576, "8" = 32768 }[var.cpu], true)
    error_message = "memory must be what Cloud Run offers with var.cpu: 512Mi to 4Gi with 1, 512Mi to 8Gi with 2, 2Gi to 16Gi with 4, 4Gi to 24Gi with 6, 4Gi to 32Gi with 8."
  }
}

variable "job_threshold" {
  description = "Files of this size or larger are processed by a job, which allows job_timeout per file; smaller ones move to it if they exceed request_timeout."
  type        = string
  default     = "256Mi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]{0,5}(Ki|Mi|Gi)$", var.job_threshold))
    error_message = "job_threshold must be an amount such as 512Ki, 256Mi or 2Gi."
  }
}

variable "job_timeout" {
  description = "Time limit per file in the job, which processes files that take longer than a delivery allows. In seconds."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.job_timeout >= 1 && var.job_timeout <= 604800
    error_message = "job_timeout must be 1 to 604800 seconds."
  }
}

variable "job_tasks" {
  description = "Tasks of the job that write the result of one file together, each billed from its start for a minute or more; one task learns, while the others wait. Files other than plain CSV, and workers of your own without parts, get one task."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.job_tasks >= 1 && var.job_tasks <= 100 && floor(var.job_tasks) == var.job_tasks
    error_message = "job_tasks must be a whole number from 1 to 100."
  }
}

variable "request_timeout" {
  description = "Time limit per file; below ack_deadline, so that the response arrives before Pub/Sub delivers the message again. In seconds."
  type        = number
  default     = 540
  nullable    = false

  validation {
    condition     = var.request_timeout >= 1 && var.request_timeout <= 590
    error_message = "request_timeout must be 1 to 590 seconds."
  }

  validation {
    condition     = var.request_timeout < var.ack_deadline
    error_message = "request_timeout must be below ack_deadline: otherwise a file is delivered again while it is still being processed."
  }
}

variable "ack_deadline" {
  description = "Time that Pub/Sub waits for a response before it delivers the message again. In seconds."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.ack_deadline >= 10 && var.ack_deadline <= 600
    error_message = "ack_deadline must be 10 to 600 seconds."
  }
}

variable "minimum_backoff" {
  description = "Shortest wait before a refused file is delivered again. In seconds."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.minimum_backoff >= 0 && var.minimum_backoff <= 600
    error_message = "minimum_backoff must be 0 to 600 seconds."
  }

  validation {
    condition     = var.minimum_backoff <= var.maximum_backoff
    error_message = "minimum_backoff must not be above maximum_backoff: it is the shorter of the two waits."
  }
}

variable "maximum_backoff" {
  description = "Longest wait before a refused file is delivered again. In seconds."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.maximum_backoff >= 0 && var.maximum_backoff <= 600
    error_message = "maximum_backoff must be 0 to 600 seconds."
  }
}

variable "max_delivery_attempts" {
  description = "Delivery attempts per file before it becomes a dead letter."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100 && floor(var.max_delivery_attempts) == var.max_delivery_attempts
    error_message = "max_delivery_attempts must be a whole number from 5 to 100."
  }
}

variable "message_retention" {
  description = "Time that Pub/Sub keeps an undelivered message. In seconds."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.message_retention >= 600 && var.message_retention <= 2678400
    error_message = "message_retention must be 600 to 2678400 seconds."
  }
}
