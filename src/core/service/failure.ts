import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import {crashIn, withoutOutput} from '../files/fault.ts'
import type {LogLine} from '../ports/logs.ts'
import type {ServiceState} from '../ports/services.ts'
import {command, suggest} from '../suggestion.ts'

/** Lines of a failed revision that an error shows. */
const SHOWN_LINES = 12
/** Lines to search for the error that ended the container. */
const READ_LINES = 40

const AGAIN = {setup: command('setup'), deploy: command('deploy')} as const

/** The local cloud's wording; its containers need a docker engine on this machine. */
const NO_ENGINE = /runs as a container, but /

/**
 * Why a revision does not become ready: Google's message, and the error in the revision's log, or its last lines.
 * @param again the command to run again: a deploy does not finish a setup
 */
export async function deployFailed(
  {latestCreatedRevision, latestReadyRevision, problem, name}: ServiceState,
  {cloud, signal}: Pick<Context, 'cloud' | 'signal'>,
  {again, cause}: {readonly again: keyof typeof AGAIN; readonly cause?: unknown},
): Promise<AppError> {
  const lines: LogLine[] = []
  if (latestCreatedRevision !== undefined) {
    const query = {service: name, revision: latestCreatedRevision}
    for await (const line of cloud.logs.list(query, {limit: READ_LINES, signal})) lines.unshift(line)
  }
  const reason = problem ?? 'no reason was given.'
  // Google's message may already quote the container; do not quote it twice.
  const more = lines.slice(-SHOWN_LINES).filter(({message}) => !reason.includes(message))
  const crash = crashIn([reason, ...lines.map(({message}) => message)].join('\n'))
  const keepsServing = latestReadyRevision !== undefined && latestReadyRevision !== latestCreatedRevision
  const message = [
    `${latestCreatedRevision === undefined ? 'Service' : `Revision ${latestCreatedRevision} of`} ${name} does not become ready: ${crash === undefined ? reason : withoutOutput(reason)}`,
    ...(crash === undefined
      ? more.map(({severity, message: text}) => `  ${severity} ${text}`)
      : [`  ${crash}`]),
    ...(keepsServing ? [`Revision ${latestReadyRevision} keeps serving.`] : []),
  ].join('\n')
  return new AppError(message, {
    code: 'deploy-failed',
    suggestions: NO_ENGINE.test(reason)
      ? [
          'Start docker, and check that it runs: docker info',
          suggest`If DOCKER_HOST has changed, restart the local cloud: ${command('local stop')}`,
          suggest`Then try again: ${AGAIN[again]}`,
        ]
      : [
          suggest`See all its log lines: ${command('logs', '--since', '10m')}`,
          suggest`Fix the worker, then: ${AGAIN[again]}`,
        ],
    cause,
  })
}
