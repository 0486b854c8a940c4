import type {DeliveryAttempt, FileStory} from '../../api.ts'

/** A stretch of a run: the file waits for a worker, or a worker has it. */
export interface Stretch {
  readonly kind: 'waiting' | 'working'
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
  /** Whether it still lasts. */
  readonly isOpen: boolean
  /** If a worker had it. */
  readonly attempt?: DeliveryAttempt
}

/** One passage of the file through the pipeline: an upload, a reprocess or a redrive, with all its attempts. */
export interface Run {
  /** As `history` counts; absent if no run ended in this passage: it lasts, every attempt failed, or it was a duplicate. */
  readonly number?: number
  readonly stretches: readonly Stretch[]
  readonly from: number
  readonly to: number
}

/** A file's runs, newest first. @param now milliseconds since 1970, the end of what still lasts */
export function runsOf(
  {file, attempts, runs: ended}: Pick<FileStory, 'file' | 'attempts' | 'runs'>,
  now: number,
): Run[] {
  const isOpen = file.state === 'waiting' || file.state === 'running'
  const notified = file.hops.find(({reprocessed}) => reprocessed === true)?.at
  const groups = groupsOf(attempts)
  const passages = groups.map((group, index) => {
    const isLast = index === groups.length - 1
    const requested = index === 0 ? file.uploadedAt : isLast ? notified : undefined
    return runOf(group, {requested, isOpen: isOpen && isLast, now})
  })
  if (passages.length === 0) passages.push(withoutAttempts(file, isOpen ? now : undefined))
  const ofGeneration = ended.filter(({inputGeneration}) => inputGeneration === file.generation)
  return passages.map((passage, index) => numbered(passage, passages[index + 1], ofGeneration)).toReversed()
}

/** The logs may lack passages, and a passage may end without a run: a run is known by when it ended. */
function numbered(passage: Run, next: Run | undefined, ended: FileStory['runs']): Run {
  const run = ended.findLast(({endedAt}) => {
    const at = Date.parse(endedAt)
    return at >= passage.from && (next === undefined || at < next.from)
  })
  return run === undefined ? passage : {...passage, number: run.number}
}

/** A new run begins where Pub/Sub counts from 1 again, and after an acknowledgement. */
function groupsOf(attempts: readonly DeliveryAttempt[]): DeliveryAttempt[][] {
  const groups: DeliveryAttempt[][] = []
  for (const attempt of attempts) {
    const last = groups.at(-1)
    const before = last?.at(-1)
    if (
      last === undefined ||
      before === undefined ||
      (attempt.byJob !== true && (before.answer === 'ack' || attempt.attempt <= before.attempt))
    )
      groups.push([attempt])
    else last.push(attempt)
  }
  return groups
}

function runOf(
  attempts: readonly DeliveryAttempt[],
  {
    requested,
    isOpen,
    now,
  }: {readonly requested: string | undefined; readonly isOpen: boolean; readonly now: number},
): Run {
  const stretches: Stretch[] = []
  let freeSince = requested === undefined ? undefined : Date.parse(requested)
  for (const [index, attempt] of attempts.entries()) {
    const from = Date.parse(attempt.startedAt)
    if (freeSince !== undefined && freeSince < from)
      stretches.push({kind: 'waiting', from: freeSince, to: from, isOpen: false})
    const next = attempts[index + 1]
    const lasts = attempt.endedAt === undefined && next === undefined && isOpen
    const to = lasts ? now : Date.parse(attempt.endedAt ?? next?.startedAt ?? attempt.startedAt)
    stretches.push({kind: 'working', from, to: Math.max(from, to), isOpen: lasts, attempt})
    freeSince = lasts ? undefined : to
  }
  if (isOpen && freeSince !== undefined && attempts.at(-1)?.answer === 'nack')
    stretches.push({kind: 'waiting', from: freeSince, to: Math.max(freeSince, now), isOpen: true})
  return spanning(stretches)
}

/** The log no longer has its lines: the hops that its result records are what is left. */
function withoutAttempts({hops, uploadedAt}: FileStory['file'], now: number | undefined): Run {
  const from = Date.parse(hops.find(({reprocessed}) => reprocessed === true)?.at ?? uploadedAt)
  const delivered = hops.find(({name}) => name === 'delivered')
  const written = hops.find(({name}) => name === 'written')
  if (delivered === undefined)
    return spanning([{kind: 'waiting', from, to: now ?? from, isOpen: now !== undefined}])
  const began = Date.parse(delivered.at)
  return spanning([
    {kind: 'waiting', from, to: began, isOpen: false},
    {kind: 'working', from: began, to: Date.parse(written?.at ?? delivered.at), isOpen: false},
  ])
}

function spanning(stretches: readonly Stretch[]): Run {
  return {
    stretches,
    from: Math.min(...stretches.map(({from}) => from)),
    to: Math.max(...stretches.map(({to}) => to)),
  }
}
