import type {ProjectPlan} from '../core/project/make.ts'
import type {MadeProject} from '../core/project/remove.ts'

/** What `setup --create-project` would do, for the person who is asked. */
export function showProjectPlan({project, create, billing, apis}: ProjectPlan): string[] {
  return [
    create
      ? `Project ${project} will be made, labelled as made by cloud-runner:`
      : `Project ${project} was made by cloud-runner, and is not finished:`,
    ...(billing === undefined
      ? []
      : [`  what it costs is billed to account ${billing.id} (${billing.name})`]),
    ...(apis.length === 0
      ? []
      : [`  ${apis.join(', ')} will be on, with which Terraform enables the others`]),
    'The plan of the pipeline comes next, and has to be agreed to by itself.',
  ]
}

/** What goes with a project, for the person who is asked. */
export function showProjectLoss({project, buckets}: MadeProject): string[] {
  return [
    `Project ${project}, which setup made, is there still. Deleting it deletes everything in it, whoever made that.`,
    ...(buckets.length === 0 ? [] : [`Among it the buckets ${buckets.join(', ')}.`]),
  ]
}

/** How it stands with a project that `setup` made, once its pipeline is gone. */
export function showProject({project, pipelines}: MadeProject, deleted: boolean): string[] {
  if (deleted) {
    return [
      `Project ${project} is deleted. Google keeps it for 30 days: gcloud projects undelete ${project} has it back.`,
    ]
  }
  return pipelines.length > 0
    ? [
        `Project ${project}, which setup made, stays: there is another pipeline in it, ${pipelines.join(', ')}.`,
      ]
    : [
        `Project ${project}, which setup made, stays. To delete it: cloud-runner destroy --delete-project ${project}`,
      ]
}
