variable "project_id" {
  description = "Google Cloud project of the pipeline. It is yours: the module never creates, changes or deletes it."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id must be a project id: 6 to 30 lower-case letters, digits and hyphens, starting with a letter and not ending with a hyphen."
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

variable "image_digest" {
  description = "Digest of the image that the service runs, sha256:…, for the worker to record in what it writes. Change it with each deployment; null: it records none."
  type        = string
  default     = null

  validation {
    condition     = var.image_digest == null || can(regex("^sha256:[0-9a-f]{64}$", var.image_digest))
    error_message = "image_digest must be sha256: and 64 hexadecimal digits."
  }
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
  description = "Port on which the worker serves GET /healthz for a liveness probe, 8081 in images of cloud-runner; null for a worker that serves none, which a probe would restart."
  type        = number
  default     = null

  validation {
    condition     = var.liveness_port == null || try(var.liveness_port >= 1 && var.liveness_port <= 65535 && var.liveness_port != 8080 && floor(var.liveness_port) == var.liveness_port, false)
    error_message = "liveness_port is a whole number from 1 to 65535, and not 8080, where the worker takes files."
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

variable "force_destroy" {
  description = "Whether destroying also deletes the files in the buckets; otherwise buckets with files stay."
  type        = bool
  default     = false
  nullable    = false
}
