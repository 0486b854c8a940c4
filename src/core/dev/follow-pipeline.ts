import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from '../ports/context.ts'
import {fileKey} from '../files/dead-letters.ts'
import {hasEnded, type FileStatus} from '../files/files.ts'
import type {LogLine} from '../ports/logs.ts'
import {readAllFiles} from '../files/read-files.ts'

/** The log is read so often; a stream of it would hold lines for two seconds, to put them in order. */
const LOG_EVERY_MS = 250
/** Lines may be written a little after those that are newer. */
const LATE_MS = 2000
/** More at once are not shown to anybody who writes a worker. */
const MOST_LINES = 500
/** Files are looked at when the log has told something, and so often besides: not every worker tells. */
const FILES_EVERY_MS = 1000
/** Looking takes at most this part of the time, however many files there are. */
const PAUSE_PER_LOOK = 4

/** Follows what happens in a pipeline by looking at it. */
export interface PipelineFollower {
  /** As they were at the last look. */
  readonly files: readonly FileStatus[]
  /** Until the signal. @throws AppError */
  run(tell: {
    readonly line: (line: LogLine) => void
    /** Its state, or its attempts, changed. */
    readonly file: (file: FileStatus) => void
  }): Promise<void>
}

/** Tells of each new log line, and then of the files that changed; of those that had ended before, nothing. */
export function followPipeline(context: Context): PipelineFollower {
  const {cloud, pipeline, signal} = context
  const {service, job} = pipeline.names
  let since = Date.now()
  let seen = new Map<string, number>()
  let files: ReadonlyMap<string, FileStatus> | undefined

  async function readNewLines(): Promise<LogLine[]> {
    const query = {service, job, since: new Date(since - LATE_MS).toISOString()}
    const lines: LogLine[] = []
    for await (const line of cloud.logs.list(query, {limit: MOST_LINES, signal})) {
      const key = `${line.time} ${line.insertId}`
      const time = Date.parse(line.time)
      if (time < began || seen.has(key)) continue
      seen.set(key, time)
      // A worker may date its lines as it likes: one from the future must not hide those to come.
      since = Math.max(since, Math.min(time, Date.now()))
      lines.push(line)
    }
    seen = new Map([...seen].filter(([, time]) => time >= since - LATE_MS))
    return lines.toReversed()
  }
  const began = since

  async function readChangedFiles(): Promise<FileStatus[]> {
    const all = await readAllFiles(context)
    const changed = all.filter((file) => {
      const before = files?.get(keyOf(file))
      if (before === undefined) return files !== undefined || !hasEnded(file)
      return before.state !== file.state || before.attempts !== file.attempts
    })
    files = new Map(all.map((file) => [keyOf(file), file]))
    return changed.toReversed()
  }

  return {
    get files() {
      return [...(files?.values() ?? [])]
    },
    async run(tell) {
      let filesAt = 0
      let soonestAt = 0
      for (;;) {
        const lines = await readNewLines()
        for (const line of lines) tell.line(line)
        const now = performance.now()
        if (now >= soonestAt && (lines.length > 0 || now >= filesAt)) {
          for (const file of await readChangedFiles()) tell.file(file)
          const ended = performance.now()
          soonestAt = ended + PAUSE_PER_LOOK * (ended - now)
          filesAt = ended + FILES_EVERY_MS
        } else if (lines.length > 0) filesAt = 0
        await sleep(LOG_EVERY_MS, undefined, {signal})
      }
    },
  }
}

function keyOf({object, generation}: FileStatus): string {
  return fileKey(object, generation)
}
