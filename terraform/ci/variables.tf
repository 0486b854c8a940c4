variable "project_id" {
  description = "Google Cloud project of the pipeline."
  type        = string
  nullable    = false
}

variable "name" {
  description = "Name of the pipeline, as in cloud-runner.json."
  type        = string
  default     = "cloud-runner"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,21}[a-z0-9]$", var.name))
    error_message = "name must be 2 to 23 lower-case letters, digits and hyphens, beginning with a letter and not ending in a hyphen."
  }
}

variable "region" {
  description = "Region of the pipeline."
  type        = string
  default     = "europe-west3"
  nullable    = false
}

variable "repository" {
  description = "GitHub repository that may deploy: OWNER/NAME."
  type        = string
  nullable    = false

  # It becomes part of a condition, so nothing that would end a text in it.
  validation {
    condition     = can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.repository))
    error_message = "repository must be OWNER/NAME, such as my-company/invoices."
  }
}

variable "repository_owner_id" {
  description = "Numeric id of the owner, from https://api.github.com/users/OWNER: a name that was given up can be registered by others, its id cannot. null checks the name alone."
  type        = string
  default     = null

  validation {
    condition     = var.repository_owner_id == null || can(regex("^[0-9]+$", var.repository_owner_id))
    error_message = "repository_owner_id must be a number."
  }
}

variable "branch" {
  description = "Branch that may deploy. No other branch, tag or pull request gets a token."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]+$", var.branch))
    error_message = "branch must be the name of a branch, such as main."
  }
}

variable "service_account" {
  description = "Service account that the worker runs as, if the pipeline's setting serviceAccount names one."
  type        = string
  default     = null
}
