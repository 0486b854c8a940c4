import {ApiError} from '../wire/api-error.ts'

/** https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names */
const ID = /^(?!goog)[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/i

/** Parts of a resource's relative name. */
export interface ResourceName {
  /** `projects/P` */
  readonly project: string
  readonly projectId: string
  readonly id: string
}

function parse(name: string | undefined, collection: string): ResourceName {
  const [projects, projectId = '', kind, id = '', ...rest] = (name ?? '').split('/')
  if (projects !== 'projects' || projectId === '' || kind !== collection || !ID.test(id) || rest.length > 0)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid resource name given (name=${name ?? ''}). Refer to https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.`,
    )
  return {project: `projects/${projectId}`, projectId, id}
}

/** @throws ApiError INVALID_ARGUMENT for anything but `projects/P/topics/T` */
export function parseTopicName(name: string | undefined): ResourceName {
  return parse(name, 'topics')
}

/** @throws ApiError INVALID_ARGUMENT for anything but `projects/P/subscriptions/S` */
export function parseSubscriptionName(name: string | undefined): ResourceName {
  return parse(name, 'subscriptions')
}

/** @throws ApiError INVALID_ARGUMENT for anything but `projects/P/snapshots/S` */
export function parseSnapshotName(name: string | undefined): ResourceName {
  return parse(name, 'snapshots')
}

/** @throws ApiError INVALID_ARGUMENT for anything but `projects/P/schemas/S` */
export function parseSchemaName(name: string | undefined): ResourceName {
  return parse(name, 'schemas')
}

/** @throws ApiError INVALID_ARGUMENT for anything but `projects/P` */
export function checkProjectName(name: string | undefined): string {
  if (name !== undefined && /^projects\/[^/]+$/.test(name)) return name
  throw new ApiError('INVALID_ARGUMENT', `Invalid project name given (name=${name ?? ''}).`)
}

/** The error for a topic, subscription, snapshot or schema that does not exist. */
export function notFound(name: string): ApiError {
  return new ApiError('NOT_FOUND', `Resource not found (resource=${name.split('/').at(-1) ?? name}).`)
}
