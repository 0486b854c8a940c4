import {randomUUID} from 'node:crypto'
import {Readable} from 'node:stream'
import {setTimeout as sleep} from 'node:timers/promises'
import {CANARY_PREFIX} from '../../../worker/contract.ts'
import type {Context} from '../ports/context.ts'
import {AppError} from '../errors.ts'
import type {LogLine} from '../ports/logs.ts'
import {command, suggest, type Suggestion} from '../suggestion.ts'
import {messageOf} from '../system-error.ts'

/** Google may take 30 s to start notifications, plus a cold start and a refused delivery. */
const PATIENCE_MS = {local: 60_000, gcp: 180_000}
/** An object uploaded before notifications started has no event, so another one is sent. */
const SEND_AGAIN_MS = 30_000
/** The logs show whether a custom container accepted the delivery; they may be read once a second. */
const LOOK_AT_LOGS_MS = 2000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

/**
 * Sends an object through the whole pipeline: bucket, notification, topic, push, worker, output bucket. A worker with this package's
 * runtime answers with an object of the same name; a custom container only has to accept the delivery. Deletes
 * what it wrote, and reports as a step what it could not delete.
 * @returns how long it took
 * @throws AppError `canary-failed` that names the hop where it got stuck
 */
export async function sendCanary(
  context: Context,
  patienceMs: number = PATIENCE_MS[context.pipeline.settings.target],
): Promise<{durationMs: number}> {
  const {cloud, pipeline, signal, step} = context
  const {inputBucket, outputBucket} = pipeline.names
  const began = Date.now()
  const giveUpAt = began + patienceMs
  const sent: string[] = []
  const send = async () => {
    const name = `${CANARY_PREFIX}${randomUUID()}`
    sent.push(name)
    await cloud.objects.upload({
      bucket: inputBucket,
      name,
      source: {stream: Readable.from([Buffer.from('canary\n')])},
      contentType: 'text/plain',
      signal,
    })
  }
  try {
    step('Send a canary through the pipeline')
    await send()
    let sendAgainAt = Date.now() + SEND_AGAIN_MS
    let lookAtLogsAt = Date.now() + LOOK_AT_LOGS_MS
    for (let pause = FIRST_PAUSE_MS; Date.now() < giveUpAt; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
      for (const name of sent) {
        if ((await cloud.objects.stat(outputBucket, name)) !== undefined)
          return {durationMs: Date.now() - began}
      }
      if (Date.now() >= lookAtLogsAt) {
        const lines = await readLines(began, context)
        if (isTaken(lines, sent)) return {durationMs: Date.now() - began}
        lookAtLogsAt = Date.now() + LOOK_AT_LOGS_MS
      }
      if (Date.now() >= sendAgainAt) {
        step('Send another canary')
        await send()
        sendAgainAt = Date.now() + SEND_AGAIN_MS
      }
      await sleep(pause, undefined, {signal})
    }
    throw stuck(await readLines(began, context), context)
  } finally {
    // The canary first, then its answer: a late worker finds nothing to answer.
    for (const name of sent) {
      for (const bucket of [inputBucket, outputBucket])
        // How the canary fared counts, even where nothing may be deleted.
        await cloud.objects
          .delete(bucket, name)
          .catch((error: unknown) => step(`Could not delete gs://${bucket}/${name}: ${messageOf(error)}`))
    }
  }
}

async function readLines(since: number, {cloud, pipeline, signal}: Context): Promise<LogLine[]> {
  const query = {service: pipeline.names.service, since: new Date(since).toISOString()}
  const lines: LogLine[] = []
  for await (const line of cloud.logs.list(query, {limit: 200, signal})) lines.unshift(line)
  return lines
}

/**
 * Whether a worker that writes no answer accepted the delivery. If its log lines name the canary, as this package's
 * runtime does, their outcome decides; otherwise any successful delivery is enough.
 */
function isTaken(lines: readonly LogLine[], sent: readonly string[]): boolean {
  const aboutCanary = lines.filter(
    ({source, object}) => source === 'worker' && object !== undefined && sent.includes(object),
  )
  if (aboutCanary.length === 0) return lines.some(({status}) => isSuccess(status))
  return aboutCanary.some(
    ({fields}) => typeof fields['outcome'] === 'string' && fields['outcome'] !== 'refused',
  )
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && [200, 201, 202, 204].includes(status)
}

/** Names the hop where the canary got stuck, as far as the logs show. */
function stuck(lines: readonly LogLine[], {pipeline}: Context): AppError {
  const {inputBucket, topic, subscription, service, pushAccount} = pipeline.names
  const statuses = lines.flatMap(({status}) => status ?? [])
  const errors = lines.filter(({severity}) => ['ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY'].includes(severity))
  const shown = errors.slice(-5).map(({message}) => `  ${message}`)
  const failed = (message: string, suggestion: Suggestion) =>
    new AppError([`The canary did not get through: ${message}`, ...shown].join('\n'), {
      code: 'canary-failed',
      suggestions: [suggestion, suggest`Then try again: ${command('setup')}`],
    })
  if (statuses.some((status) => status === 401 || status === 403)) {
    return failed(
      `the push to service ${service} was refused (${statuses.at(-1)}): ${pushAccount} may not invoke it.`,
      suggest`See which grant is missing and how to add it: ${command('doctor')}`,
    )
  }
  if (statuses.length > 0) {
    return failed(
      `the worker received it but did not finish it (HTTP ${statuses.at(-1)}).`,
      suggest`See its logs: ${command('logs', '--since', '10m')}`,
    )
  }
  if (lines.length > 0)
    return failed(
      'the worker started but did not finish it.',
      suggest`See its logs: ${command('logs', '--since', '10m')}`,
    )
  return failed(
    `nothing reached service ${service}: neither the notification of bucket ${inputBucket} to topic ${topic} nor the push of subscription ${subscription} left a trace.`,
    suggest`See what is missing and how to fix it: ${command('doctor')}`,
  )
}
