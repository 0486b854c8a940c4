import {randomUUID} from 'node:crypto'
import {cancel} from '../core/cancel.ts'
import {AppError, EXIT} from '../core/errors.ts'
import {hasEnded, isUndelivered, type FileStatus} from '../core/files/files.ts'
import type {Context} from '../core/ports/context.ts'
import {planRedrive, redrive} from '../core/redrive.ts'
import {chooseFiles, reprocess, type Chosen} from '../core/reprocess.ts'
import {suggest, commandFor, type Render} from '../core/suggestion.ts'
import type {FileFilter, Fix, FixPlan, FixProgress, Problem} from './api.ts'
import {commandOfFix} from './commands.ts'
import type {FileIndex} from './file-index.ts'

/** Names that a plan lists; the others are counted. */
const MOST_PLANNED = 20
/** Progress is sent no more often. */
const PROGRESS_MS = 200

const FIXES: readonly Fix[] = ['reprocess', 'redrive', 'cancel']

/** What to fix: these files, or all that match a filter. */
export interface FixRequest {
  readonly fix: Fix
  readonly objects: readonly string[]
  /** If no objects are named. */
  readonly filter: FileFilter
}

/** @throws AppError `usage` */
export function fixNamed(name: string): Fix {
  const fix = FIXES.find((one) => one === name)
  if (fix === undefined)
    throw new AppError(`"${name}" is not one of ${FIXES.join(', ')}.`, {code: 'usage', exitCode: EXIT.usage})
  return fix
}

/** What a fix of this kind can change: the rest of a filter's files is left alone. */
const APPLIES: Readonly<Record<Fix, (file: FileStatus) => boolean>> = {
  reprocess: ({input}) => input !== 'deleted',
  redrive: ({state}) => state === 'dead',
  cancel: (file) => !hasEnded(file),
}

export interface FixServices {
  readonly context: Context
  readonly files: FileIndex
  readonly render: Render
  readonly explain: (error: unknown) => Problem
  readonly progress: (progress: FixProgress) => void
}

/** Reprocesses, redrives and cancels files, one request at a time, and reports the progress. */
export class Fixes {
  readonly #services: FixServices
  #last: Promise<void> = Promise.resolve()

  constructor(services: FixServices) {
    this.#services = services
  }

  /** Says what a fix would do; changes nothing. */
  plan({fix, objects, filter}: FixRequest): FixPlan {
    const names = this.#chosen({fix, objects, filter}).map(({object}) => object)
    const line = commandOfFix(fix, names, objects.length > 0 ? undefined : filter, this.#services.render)
    return {
      fix,
      count: names.length,
      objects: names.slice(0, MOST_PLANNED),
      ...(line === undefined ? {} : {command: line}),
    }
  }

  /** Starts a fix. @returns its first progress; the rest comes as events */
  start(request: FixRequest): FixProgress {
    const chosen = this.#chosen(request)
    const progress: FixProgress = {
      id: randomUUID(),
      fix: request.fix,
      startedAt: new Date().toISOString(),
      total: chosen.length,
      done: 0,
      state: 'running',
    }
    this.#last = this.#last.then(() => this.#run(progress, chosen))
    return progress
  }

  #chosen({fix, objects, filter}: FixRequest): readonly Chosen[] {
    if (objects.length > 0) return objects.map((object) => ({object, isMissing: false}))
    const files = this.#services.files.matching(filter).filter(APPLIES[fix])
    return files.map((file) => ({object: file.object, isMissing: isUndelivered(file)}))
  }

  async #run(progress: FixProgress, chosen: readonly Chosen[]): Promise<void> {
    let done = 0
    let sentAt = 0
    const step = () => {
      done++
      if (performance.now() - sentAt < PROGRESS_MS) return
      sentAt = performance.now()
      this.#services.progress({...progress, done})
    }
    try {
      this.#services.progress(progress)
      await apply(progress.fix, chosen, {...this.#services.context, step})
      this.#services.progress({...progress, done, state: 'done'})
    } catch (error) {
      this.#services.progress({...progress, done, state: 'failed', problem: this.#services.explain(error)})
    }
  }
}

async function apply(fix: Fix, chosen: readonly Chosen[], context: Context): Promise<void> {
  const objects = chosen.map(({object}) => object)
  const isOne = objects.length === 1
  if (fix === 'cancel') await cancel(objects, context)
  else if (fix === 'redrive') {
    // A file may have changed since the page was drawn: of one, the user hears why nothing happens.
    if (isOne) await planRedrive(objects, context)
    await redrive(objects, context)
  } else {
    if (isOne) await chooseFiles({objects}, context)
    const {gone} = await reprocess(chosen, context)
    const [first] = gone
    if (first !== undefined)
      throw new AppError(
        `${gone.length === 1 ? first : `${gone.length} files, ${first} first,`} left the input bucket.`,
        {
          code: 'object-unknown',
          suggestions: [suggest`See its state: ${commandFor('status', first)}`],
        },
      )
  }
}
