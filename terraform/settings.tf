# Generated from src/core/pipeline/settings.ts by `npm run build`: make changes there.

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
  description = "Column to predict if a file does not name its own."
  type        = string
  default     = null

  validation {
    condition     = var.label_column == null || can(regex("^[^\\0]{1,1000}$", var.label_column))
    error_message = "label_column must be the name of a column, at most 1000 characters."
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
  description = "Maximum number of instances that run at the same time."
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
    condition     = can(regex("^[12468]$", var.cpu))
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

variable "job_threshold" {
  description = "Files of this size or more go to a job, which has an hour per file; smaller ones do after request_timeout."
  type        = string
  default     = "256Mi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]{0,5}(Ki|Mi|Gi)$", var.job_threshold))
    error_message = "job_threshold must be an amount such as 512Ki, 256Mi or 2Gi."
  }
}

variable "request_timeout" {
  description = "Time per file; below ack_deadline, so that the answer arrives before Pub/Sub delivers the message again. In seconds."
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
  description = "Time that Pub/Sub waits for an answer before it delivers the message again. In seconds."
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
  description = "Time that Pub/Sub keeps an undelivered message. In seconds."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.message_retention >= 600 && var.message_retention <= 2678400
    error_message = "message_retention must be 600 to 2678400 seconds."
  }
}
