import {textIn, type Rest} from '../rest.ts'

/** The service agents of a project, which publish notifications and forward dead letters. */
export interface ServiceAgents {
  readonly storage: string
  readonly pubsub: string
}

/**
 * Asking for the Storage agent also creates it; the project number in its name gives the other agent's name.
 * @param inputBucket an existing one; the agent of its own project publishes its notifications
 */
export async function readServiceAgents(
  rest: Rest,
  project: string,
  inputBucket?: string,
): Promise<ServiceAgents> {
  const answer = await rest.request('storage', 'GET', `/storage/v1/projects/${project}/serviceAccount`)
  const storage = textIn(answer, 'email_address') ?? ''
  const number = /^service-(\d+)@/.exec(storage)?.[1] ?? ''
  const bucket =
    inputBucket === undefined ? undefined : await rest.get('storage', `/storage/v1/b/${inputBucket}`)
  const owner = bucket === undefined ? undefined : textIn(bucket, 'projectNumber')
  return {
    storage: owner === undefined ? storage : storage.replace(number, owner),
    pubsub: `service-${number}@gcp-sa-pubsub.iam.gserviceaccount.com`,
  }
}
