import type {ProjectPlan} from '../core/project/create.ts'
import type {MadeProject} from '../core/project/delete.ts'
import {command, suggest, type Render} from '../core/suggestion.ts'

/** What `setup --create-project` would do, shown before the question. */
export function showProjectPlan({project, create, billing, apis}: ProjectPlan): string[] {
  return [
    create
      ? `Project ${project} will be created and labelled as created by cloud-runner:`
      : `Project ${project} was created by cloud-runner and is not finished:`,
    ...(billing === undefined ? [] : [`  billed to account ${billing.id} (${billing.name})`]),
    ...(apis.length === 0
      ? []
      : [`  with ${apis.join(', ')} enabled, which Terraform needs to enable the others`]),
    "The pipeline's plan comes next and needs its own approval.",
  ]
}

/** What deleting a project deletes, shown before the question. */
export function showProjectLoss({project, buckets}: MadeProject): string[] {
  return [
    `Project ${project}, which setup created, still exists. Deleting it deletes everything in it, including what others created.`,
    ...(buckets.length === 0 ? [] : [`That includes the buckets ${buckets.join(', ')}.`]),
  ]
}

/** What happened to a project that `setup` created, once its pipeline is removed. */
export function showProject({project, pipelines}: MadeProject, deleted: boolean, render: Render): string[] {
  if (deleted) {
    return [
      `Project ${project} is deleted. Google keeps it for 30 days; to restore it: gcloud projects undelete ${project}`,
    ]
  }
  return pipelines.length > 0
    ? [
        `Project ${project}, which setup created, is kept because it has other pipelines: ${pipelines.join(', ')}.`,
      ]
    : [
        render(
          suggest`Project ${project}, which setup created, is kept. To delete it: ${command('destroy', '--delete-project', project)}`,
        ),
      ]
}
