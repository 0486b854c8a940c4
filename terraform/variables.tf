variable "project_id" {
  description = "Google Cloud project of the pipeline. It is yours: the module never creates, changes or deletes it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project id: 6 to 30 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen."
  }
}

variable "name" {
  description = "Name of the pipeline; the names of its resources start with it."
  type        = string
  default     = "cloud-runner"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,21}[a-z0-9]$", var.name))
    error_message = "name must have 2 to 23 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen."
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

variable "image" {
  description = "Worker image with its digest, e.g. REGION-docker.pkg.dev/PROJECT/NAME/worker@sha256:…. null creates only what needs no image: the first of two applies, since the image needs the registry."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must end with its digest (@sha256: and 64 hexadecimal digits), so that what runs is what was built."
  }
}

variable "label_column" {
  description = "Column to predict if a file does not name its own; null leaves it to the worker's rule."
  type        = string
  default     = null
}

variable "model" {
  description = "Model that scores the files, instead of training one per file: gs://BUCKET/OBJECT or gs://BUCKET/OBJECT#GENERATION, in a bucket the worker can read. A model or label column in a file's own metadata takes precedence."
  type        = string
  default     = null

  validation {
    condition     = var.model == null || can(regex("^gs://[^/]+/.", var.model))
    error_message = "model must be an object: gs://BUCKET/OBJECT."
  }
}

variable "liveness_port" {
  description = "Port on which the worker serves GET /healthz for a liveness probe, 8081 in images of cloud-runner; null for a worker that serves none, which a probe would end."
  type        = number
  default     = null

  validation {
    condition     = var.liveness_port == null || try(var.liveness_port >= 1 && var.liveness_port <= 65535 && var.liveness_port != 8080 && floor(var.liveness_port) == var.liveness_port, false)
    error_message = "liveness_port is a whole number from 1 to 65535, and not 8080, where the worker takes files."
  }
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
  description = "Most instances that run at the same time."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances must be a whole number from 1 to 1000."
  }
}

variable "cpu" {
  description = "CPUs per instance."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "cpu must be 1, 2, 4, 6 or 8."
  }
}

variable "memory" {
  description = "Memory per instance."
  type        = string
  default     = "1Gi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "memory must be an amount such as 512Mi or 1Gi."
  }
}

variable "request_timeout" {
  description = "Seconds per file; below ack_deadline, so that the answer arrives before Pub/Sub delivers the message again."
  type        = number
  default     = 540
  nullable    = false

  validation {
    condition     = var.request_timeout >= 1 && var.request_timeout <= 590
    error_message = "request_timeout must be 1 to 590 seconds: Pub/Sub waits 600 seconds at most."
  }

  validation {
    condition     = var.request_timeout < var.ack_deadline
    error_message = "request_timeout must be below ack_deadline: otherwise a file is delivered again while it is still being processed."
  }
}

variable "ack_deadline" {
  description = "Seconds that Pub/Sub waits for an answer before it delivers the message again."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.ack_deadline >= 10 && var.ack_deadline <= 600
    error_message = "ack_deadline must be 10 to 600 seconds."
  }
}

variable "minimum_backoff" {
  description = "Shortest wait, in seconds, before a refused file is delivered again."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.minimum_backoff >= 0 && var.minimum_backoff <= 600
    error_message = "minimum_backoff must be 0 to 600 seconds."
  }
}

variable "maximum_backoff" {
  description = "Longest wait, in seconds, before a refused file is delivered again."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.maximum_backoff >= 0 && var.maximum_backoff <= 600
    error_message = "maximum_backoff must be 0 to 600 seconds."
  }

  validation {
    condition     = var.minimum_backoff <= var.maximum_backoff
    error_message = "maximum_backoff must not be below minimum_backoff."
  }
}

variable "max_delivery_attempts" {
  description = "Deliveries of a file before it becomes a dead letter."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100 && floor(var.max_delivery_attempts) == var.max_delivery_attempts
    error_message = "max_delivery_attempts must be a whole number from 5 to 100."
  }
}

variable "message_retention" {
  description = "Seconds that Pub/Sub keeps an undelivered message."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.message_retention >= 600 && var.message_retention <= 2678400
    error_message = "message_retention must be 600 seconds (10 minutes) to 2678400 (31 days)."
  }
}

variable "images_kept" {
  description = "Newest images that the registry keeps, so that you can roll back to them."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.images_kept >= 1 && floor(var.images_kept) == var.images_kept
    error_message = "images_kept must be a whole number of at least 1."
  }
}

variable "job_threshold" {
  description = "Files of this size or more go to the job; smaller ones only if they exceed request_timeout."
  type        = string
  default     = "256Mi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]{0,5}(Ki|Mi|Gi)$", var.job_threshold))
    error_message = "job_threshold must be an amount such as 512Ki, 256Mi or 2Gi."
  }
}

variable "job_timeout" {
  description = "Seconds per file in the job, which processes files that take longer than a delivery may."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.job_timeout >= 1 && var.job_timeout <= 604800
    error_message = "job_timeout must be 1 to 604800 seconds (7 days)."
  }
}

variable "force_destroy" {
  description = "Whether destroying also deletes the files in the buckets; otherwise buckets with files stay."
  type        = bool
  default     = false
  nullable    = false
}
