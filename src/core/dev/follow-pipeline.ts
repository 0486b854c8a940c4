import {setTimeout as sleep} from 'node:timers/promises'
import type {Context} from '../ports/context.ts'
import {fileKey} from '../files/dead-letters.ts'
import {hasEnded, type FileStatus} from '../files/files.ts'
import type {LogLine} from '../ports/logs.ts'
import {readAllFiles} from '../files/read-files.ts'

/** How often to read the log; streaming it would delay lines by two seconds, to sort them. */
const LOG_EVERY_MS = 250
/** How late a line may arrive after newer ones. */
const LATE_MS = 2000
/** Most lines that one read shows. */
const MOST_LINES = 500
/** How often to read files, in addition to after new log lines: not every worker logs. */
const FILES_EVERY_MS = 1000
/** Pause after reading files, as a multiple of how long it took. */
const PAUSE_PER_LOOK = 4

/** Follows a pipeline by polling. */
export interface PipelineFollower {
  /** As of the last read. */
  readonly files: readonly FileStatus[]
  /** Until the signal. @throws AppError */
  run(on: {
    readonly line: (line: LogLine) => void
    /** Its state or number of attempts changed. */
    readonly file: (file: FileStatus) => void
  }): Promise<void>
}

/** Reports each new log line, then the files that changed, but not files that had already ended. */
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
      // A worker chooses the time of its lines: one in the future must not hide later lines.
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
    async run(on) {
      let filesAt = 0
      let soonestAt = 0
      for (;;) {
        const lines = await readNewLines()
        for (const line of lines) on.line(line)
        const now = performance.now()
        if (now >= soonestAt && (lines.length > 0 || now >= filesAt)) {
          for (const file of await readChangedFiles()) on.file(file)
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
