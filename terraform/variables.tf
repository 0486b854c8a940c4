variable "project_id" {
  description = "Google Cloud project that the pipeline lives in. It is the user's: nothing here creates, changes or deletes it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id is a project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen."
  }
}

variable "name" {
  description = "Name of the pipeline; the names of its resources begin with it."
  type        = string
  default     = "cloud-runner"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,21}[a-z0-9]$", var.name))
    error_message = "name has 2 to 23 lower-case letters, digits and hyphens, begins with a letter and does not end in a hyphen."
  }
}

variable "region" {
  description = "Region of buckets, registry and service."
  type        = string
  default     = "europe-west3"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region is a region such as europe-west3 or us-central1."
  }
}

variable "image" {
  description = "Worker image with its digest, e.g. REGION-docker.pkg.dev/PROJECT/NAME/worker@sha256:…. null makes everything that needs no image: the first of two applies, since the image needs the registry."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image is pinned by its digest (ends in @sha256: and 64 hexadecimal digits), so that what runs is what was built."
  }
}

variable "label_column" {
  description = "Column to predict, where a file does not name its own; null leaves it to the worker's rule."
  type        = string
  default     = null
}

variable "model" {
  description = "Model that files are scored by, instead of training one for each: gs://BUCKET/OBJECT or gs://BUCKET/OBJECT#GENERATION, in a bucket that the worker reads. Files whose metadata names a model or a label column of their own are not."
  type        = string
  default     = null

  validation {
    condition     = var.model == null || can(regex("^gs://[^/]+/.", var.model))
    error_message = "model is an object: gs://BUCKET/OBJECT."
  }
}

variable "concurrency" {
  description = "Files that one instance works on at the same time."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.concurrency >= 1 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency is a whole number from 1 to 1000."
  }
}

variable "max_instances" {
  description = "Instances that run at the same time at most."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.max_instances >= 1 && var.max_instances <= 1000 && floor(var.max_instances) == var.max_instances
    error_message = "max_instances is a whole number from 1 to 1000."
  }
}

variable "cpu" {
  description = "CPUs of an instance."
  type        = string
  default     = "1"
  nullable    = false

  validation {
    condition     = contains(["1", "2", "4", "6", "8"], var.cpu)
    error_message = "cpu is 1, 2, 4, 6 or 8."
  }
}

variable "memory" {
  description = "Memory of an instance."
  type        = string
  default     = "1Gi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]*(Mi|Gi)$", var.memory))
    error_message = "memory is an amount such as 512Mi or 1Gi."
  }
}

variable "request_timeout" {
  description = "Seconds for one file; below ack_deadline, so that the answer comes before the message is sent again."
  type        = number
  default     = 540
  nullable    = false

  validation {
    condition     = var.request_timeout >= 1 && var.request_timeout <= 590
    error_message = "request_timeout is 1 to 590 seconds: Pub/Sub waits 600 seconds at most."
  }

  validation {
    condition     = var.request_timeout < var.ack_deadline
    error_message = "request_timeout is below ack_deadline: otherwise a file is delivered again while it is still in work."
  }
}

variable "ack_deadline" {
  description = "Seconds that Pub/Sub waits for the answer to a delivery before it delivers again."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.ack_deadline >= 10 && var.ack_deadline <= 600
    error_message = "ack_deadline is 10 to 600 seconds."
  }
}

variable "minimum_backoff" {
  description = "Shortest wait, in seconds, before a refused file is delivered again."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.minimum_backoff >= 0 && var.minimum_backoff <= 600
    error_message = "minimum_backoff is 0 to 600 seconds."
  }
}

variable "maximum_backoff" {
  description = "Longest wait, in seconds, before a refused file is delivered again."
  type        = number
  default     = 600
  nullable    = false

  validation {
    condition     = var.maximum_backoff >= 0 && var.maximum_backoff <= 600
    error_message = "maximum_backoff is 0 to 600 seconds."
  }

  validation {
    condition     = var.minimum_backoff <= var.maximum_backoff
    error_message = "maximum_backoff is not below minimum_backoff."
  }
}

variable "max_delivery_attempts" {
  description = "Deliveries of a file before it goes to the dead letters."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_delivery_attempts >= 5 && var.max_delivery_attempts <= 100 && floor(var.max_delivery_attempts) == var.max_delivery_attempts
    error_message = "max_delivery_attempts is a whole number from 5 to 100."
  }
}

variable "message_retention" {
  description = "Seconds that Pub/Sub keeps an undelivered message."
  type        = number
  default     = 604800
  nullable    = false

  validation {
    condition     = var.message_retention >= 600 && var.message_retention <= 2678400
    error_message = "message_retention is 600 seconds (10 minutes) to 2678400 (31 days)."
  }
}

variable "images_kept" {
  description = "Newest images that the registry keeps: those that can be rolled back to."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.images_kept >= 1 && floor(var.images_kept) == var.images_kept
    error_message = "images_kept is a whole number, 1 at least."
  }
}

variable "job_threshold" {
  description = "Files of this size or more go to the job; smaller ones do when request_timeout is over."
  type        = string
  default     = "256Mi"
  nullable    = false

  validation {
    condition     = can(regex("^[1-9][0-9]{0,5}(Ki|Mi|Gi)$", var.job_threshold))
    error_message = "job_threshold is an amount such as 512Ki, 256Mi or 2Gi."
  }
}

variable "job_timeout" {
  description = "Seconds for one file that goes to the job, since it takes longer than a delivery may."
  type        = number
  default     = 3600
  nullable    = false

  validation {
    condition     = var.job_timeout >= 1 && var.job_timeout <= 604800
    error_message = "job_timeout is 1 to 604800 seconds (7 days)."
  }
}

variable "force_destroy" {
  description = "Whether destroying takes the files in the buckets with it; without it, buckets that hold files stay."
  type        = bool
  default     = false
  nullable    = false
}
