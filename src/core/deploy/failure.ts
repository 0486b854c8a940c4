import type {Context} from '../context.ts'
import {AppError} from '../errors.ts'
import type {LogLine} from '../ports/logs.ts'
import type {ServiceState} from '../ports/services.ts'

/** Lines of a failed revision that an error shows. */
const SHOWN_LINES = 12

/**
 * Why a revision does not become ready: Google's words, and the revision's last log lines.
 * @param again the command that has not done its work: what a setup still has to do, no deploy does
 */
export async function deployFailed(
  {latestCreatedRevision, latestReadyRevision, problem, name}: ServiceState,
  {cloud, signal}: Pick<Context, 'cloud' | 'signal'>,
  {again, cause}: {readonly again: 'setup' | 'deploy'; readonly cause?: unknown},
): Promise<AppError> {
  const lines: LogLine[] = []
  if (latestCreatedRevision !== undefined) {
    const query = {service: name, revision: latestCreatedRevision}
    for await (const line of cloud.logs.list(query, {limit: SHOWN_LINES, signal})) lines.unshift(line)
  }
  const reason = problem ?? 'no reason was given.'
  // Where Google's words quote the container already, it is not quoted again.
  const more = lines.filter(({message}) => !reason.includes(message))
  const goesOn = latestReadyRevision !== undefined && latestReadyRevision !== latestCreatedRevision
  const message = [
    `${latestCreatedRevision === undefined ? 'Service' : `Revision ${latestCreatedRevision} of`} ${name} does not become ready: ${reason}`,
    ...more.map(({severity, message: text}) => `  ${severity} ${text}`),
    ...(goesOn ? [`Revision ${latestReadyRevision} goes on serving.`] : []),
  ].join('\n')
  return new AppError(message, {
    code: 'deploy-failed',
    suggestions: [
      'See all of its lines: cloud-runner logs --since 10m',
      `Mend the worker, then: cloud-runner ${again}`,
    ],
    cause,
  })
}
