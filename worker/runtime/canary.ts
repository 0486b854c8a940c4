import {type CanaryAnswer, type Outcome} from '../contract.ts'
import {commitMetadata} from './commit-state.ts'
import type {Delivery} from './envelope.ts'
import {openInput} from './input.ts'
import type {Log} from './log.ts'
import type {Worker} from './worker.ts'

/**
 * Answers a canary: reads the object to its end and writes an answer under the same name in the output bucket, which
 * proves to `setup` that the whole path works, including the grants on both buckets.
 * @throws what the storage client throws, such as a 403 for a missing grant: the canary is delivered again
 */
export async function answerCanary(
  worker: Worker,
  delivery: Delivery,
  log: Log,
  signal: AbortSignal,
): Promise<Outcome> {
  const {bucket, object, generation} = delivery.event
  const {storage} = worker
  const name = {bucket, object, generation}
  const metadata = await storage.find(name)
  if (metadata === undefined) {
    log('INFO', 'gone: the canary was removed before it was answered', {outcome: 'gone'})
    return 'gone'
  }
  const input = openInput(storage, name, metadata, signal)
  const content = await input.file.open()
  for await (const _ of content) signal.throwIfAborted()
  const answer: CanaryAnswer = {
    object,
    generation,
    processor: worker.processor.name,
    revision: worker.environment['K_REVISION'] ?? null,
  }
  await storage.write(
    {bucket: worker.settings.outputBucket, object},
    [Buffer.from(`${JSON.stringify(answer)}\n`)],
    {
      contentType: 'application/json',
      metadata: commitMetadata(delivery, new Date()),
      expectedGeneration: undefined,
    },
    signal,
  )
  log('INFO', 'canary answered', {outcome: 'canary'})
  return 'canary'
}
