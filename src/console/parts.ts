import type {Context} from '../core/ports/context.ts'
import {command, suggest, type Render} from '../core/suggestion.ts'
import type {Counts, Overview, Part} from './api.ts'

/** The pipeline's parts in the order of a file's way, with what is known about each. */
export async function readParts(
  {counts, pipeline}: Pick<Overview, 'counts' | 'pipeline'>,
  {cloud, pipeline: {names}, signal, pipeline: whole}: Context,
  render: Render,
): Promise<readonly Part[]> {
  const missing = await cloud.inspection.missingConnections(whole, {signal})
  const part = (kind: string, name: string, more: Partial<Part> = {}): Part => {
    const isMissing = missing.some((text) => text.endsWith(` ${name}`) || text.includes(` ${name} `))
    return {
      kind,
      name,
      health: isMissing ? 'bad' : 'good',
      detail: isMissing ? render(suggest`missing: ${command('setup')}`) : 'there',
      isAside: false,
      ...more,
    }
  }
  const isFailing = pipeline.failing.length > 0
  const service: Partial<Part> =
    pipeline.revision === undefined
      ? {health: 'bad', detail: 'no revision is ready'}
      : {
          health: isFailing ? 'bad' : 'good',
          detail: isFailing ? 'the latest deliveries failed' : `revision ${pipeline.revision}`,
          count: files(counts.running, 'running'),
        }
  return [
    part('input bucket', names.inputBucket, {count: files(sum(counts), '')}),
    part('topic', names.topic),
    part('push subscription', names.subscription, {count: files(counts.waiting, 'waiting')}),
    part('service', names.service, service),
    part('output bucket', names.outputBucket, {count: files(counts.done, 'done')}),
    part('dead letters', names.deadLetterSubscription, {
      isAside: true,
      count: files(counts.dead, ''),
      ...(counts.dead > 0
        ? {health: 'bad', detail: render(suggest`send them back: ${command('redrive')}`)}
        : {detail: 'empty'}),
    }),
    part('job', names.job, {isAside: true, detail: 'for files that take long'}),
  ]
}

function files(count: number, state: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'file' : 'files'} ${state}`.trim()
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
