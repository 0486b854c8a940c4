# terraform test: who may deploy, with a mock provider.

mock_provider "google" {}

override_resource {
  target = google_service_account.deployer
  values = {
    name   = "projects/my-project-123/serviceAccounts/invoices-deploy@my-project-123.iam.gserviceaccount.com"
    email  = "invoices-deploy@my-project-123.iam.gserviceaccount.com"
    member = "serviceAccount:invoices-deploy@my-project-123.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_iam_workload_identity_pool.github
  values = {
    name = "projects/123456789012/locations/global/workloadIdentityPools/invoices-github"
  }
}

variables {
  project_id = "my-project-123"
  name       = "invoices"
  repository = "my-company/invoices"
}

run "only_the_branch_of_the_repository_gets_a_token" {
  command = apply

  assert {
    condition     = google_iam_workload_identity_pool_provider.github.attribute_condition == "assertion.repository == 'my-company/invoices' && assertion.ref == 'refs/heads/main'"
    error_message = "The condition must name repository and branch."
  }

  assert {
    condition     = google_service_account_iam_member.github_deploys.member == "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/invoices-github/attribute.repository/my-company/invoices"
    error_message = "Only the repository may act as the deployer."
  }
}

run "an_owner_s_name_that_changed_hands_gets_none" {
  command = plan

  variables {
    repository_owner_id = "4711"
    branch              = "release/2"
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github.attribute_condition == "assertion.repository == 'my-company/invoices' && assertion.ref == 'refs/heads/release/2' && assertion.repository_owner_id == '4711'"
    error_message = "The condition must check the owner's id as well."
  }
}

run "the_deployer_may_change_this_pipeline_alone" {
  command = apply

  assert {
    condition = (
      google_cloud_run_v2_service_iam_member.deploys.name == "invoices" &&
      google_cloud_run_v2_job_iam_member.deploys.name == "invoices-job" &&
      google_artifact_registry_repository_iam_member.pushes.repository == "invoices" &&
      google_service_account_iam_member.acts_as_worker.service_account_id == "projects/my-project-123/serviceAccounts/invoices-worker@my-project-123.iam.gserviceaccount.com"
    )
    error_message = "Grants must be on the pipeline's own resources."
  }

  assert {
    condition     = google_project_iam_custom_role.follows.permissions == toset(["logging.logEntries.list", "run.operations.get"])
    error_message = "On the project it may only read operations and log lines."
  }
}

run "a_repository_cannot_end_the_condition" {
  command = plan

  variables {
    repository = "my-company/x' || true || 'x"
  }

  expect_failures = [var.repository]
}

run "nor_can_a_branch" {
  command = plan

  variables {
    branch = "main' || 'x' == 'x"
  }

  expect_failures = [var.branch]
}
