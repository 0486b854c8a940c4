import type {ServiceAgents} from '../../iam/access.ts'
import {InstanceError} from '../../instances/instance.ts'
import type {SecretValues} from '../../secret-manager/secret-values.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Container} from '../resources.ts'

/** A container that cannot start because the value of a variable cannot be read from Secret Manager. */
export class SecretAccessError extends InstanceError {}

/** Whose variables are read. */
export interface VariablesOf {
  readonly project: string
  readonly container: Container
  /** Email of the account that reads them. */
  readonly serviceAccount: string
}

/**
 * The variables that a user set, those from Secret Manager with the value that they have now, read as the service
 * account (https://cloud.google.com/run/docs/configuring/services/secrets).
 * @throws SecretAccessError in Cloud Run's words, without any value
 */
export function readVariables(
  {project, container, serviceAccount}: VariablesOf,
  {secrets, agents}: {secrets: SecretValues; agents: Pick<ServiceAgents, 'projectNumber'>},
): Record<string, string> {
  const variables: Record<string, string> = {}
  const problems: string[] = []
  for (const [index, {name = '', value = '', valueSource}] of (container.env ?? []).entries()) {
    const {secret, version} = valueSource?.secretKeyRef ?? {}
    if (secret === undefined) {
      variables[name] = value
      continue
    }
    const {owner = project, id = secret} =
      /^projects\/(?<owner>[^/]+)\/secrets\/(?<id>[^/]+)$/.exec(secret)?.groups ?? {}
    const named = `secrets/${id}/versions/${version || 'latest'}`
    try {
      const read = secrets.access(`projects/${owner}/${named}`, `serviceAccount:${serviceAccount}`)
      if (read.includes(0)) throw new ApiError('FAILED_PRECONDITION', 'Its value contains a NUL byte.')
      variables[name] = read.toString()
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      const path = `projects/${agents.projectNumber(owner)}/${named}`
      problems.push(
        `spec.template.spec.containers[0].env[${index}].value_from.secret_key_ref.name: ${problemOf(error, path, serviceAccount)}`,
      )
    }
  }
  if (problems.length > 0) throw new SecretAccessError(problems.join('\n'))
  return variables
}

function problemOf({status, message, details}: ApiError, path: string, account: string): string {
  if (status === 'NOT_FOUND') return `Secret ${path} was not found`
  const isApiOff = details.some((detail) => 'reason' in detail && detail.reason === 'SERVICE_DISABLED')
  if (!isApiOff && (status === 'PERMISSION_DENIED' || status === 'UNAUTHENTICATED'))
    return `Permission denied on secret: ${path} for Revision service account ${account}. The service account used must be granted the 'Secret Manager Secret Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or higher level.`
  return `Failed to access secret ${path}: ${message}`
}
