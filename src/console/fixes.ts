import {createHash, randomUUID} from 'node:crypto'
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
/** Fixes that a page which connects gets: those in progress, and the latest. */
const MOST_KEPT = 20

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

/** A file as it was when it was chosen. */
interface ChosenFile extends Chosen {
  /** `undefined` if the last reading did not have the file. */
  readonly generation: string | undefined
}

export interface FixServices {
  readonly context: Context
  readonly files: FileIndex
  readonly render: Render
  readonly explain: (error: unknown) => Problem
  /** Called with all that are kept, oldest first, whenever one changes. */
  readonly changed: (fixes: readonly FixProgress[]) => void
}

/** Reprocesses, redrives and cancels files, one request at a time, and reports the progress. */
export class Fixes implements AsyncDisposable {
  readonly #services: FixServices
  #last: Promise<void> = Promise.resolve()
  #kept: readonly FixProgress[] = []

  constructor(services: FixServices) {
    this.#services = services
  }

  /** Those in progress, and the latest; oldest first. */
  get kept(): readonly FixProgress[] {
    return this.#kept
  }

  /** Says what a fix would do; changes nothing. */
  plan({fix, objects, filter}: FixRequest): FixPlan {
    const chosen = this.#chosen({fix, objects, filter})
    const names = chosen.map(({object}) => object)
    const line = commandOfFix(fix, names, objects.length > 0 ? undefined : filter, this.#services.render)
    return {
      fix,
      count: names.length,
      digest: digestOf(chosen),
      objects: names.slice(0, MOST_PLANNED),
      ...(line === undefined ? {} : {command: line}),
    }
  }

  /**
   * Starts a fix. Its first progress is returned; the rest comes as events.
   * @param digest of the plan that the user confirmed; absent: any files
   * @throws AppError `conflict` if it would change other files than these
   */
  start(request: FixRequest, digest?: string): FixProgress {
    const chosen = this.#chosen(request)
    if (digest !== undefined && digest !== digestOf(chosen))
      throw new AppError(`The files have changed: now they are ${chosen.length}.`, {
        code: 'conflict',
        suggestions: ['See which they are, and confirm again.'],
      })
    const progress: FixProgress = {
      id: randomUUID(),
      fix: request.fix,
      startedAt: new Date().toISOString(),
      total: chosen.length,
      done: 0,
      state: 'running',
    }
    this.#report(progress)
    this.#last = this.#last.then(() => this.#run(progress, chosen))
    return progress
  }

  #chosen({fix, objects, filter}: FixRequest): readonly ChosenFile[] {
    const {files} = this.#services
    if (objects.length > 0) {
      const generations = files.generationsOf(objects)
      return objects.map((object) => ({object, generation: generations.get(object), isMissing: false}))
    }
    return files
      .matching(filter)
      .filter(APPLIES[fix])
      .map((file) => ({
        object: file.object,
        generation: file.generation,
        isMissing: fix === 'reprocess' && isUndelivered(file),
      }))
  }

  #report(progress: FixProgress): void {
    const kept = this.#kept.some(({id}) => id === progress.id)
      ? this.#kept.map((one) => (one.id === progress.id ? progress : one))
      : [...this.#kept, progress]
    const ended = kept.filter(({state}) => state !== 'running')
    const forgotten = new Set(ended.slice(0, Math.max(0, ended.length - MOST_KEPT)))
    this.#kept = kept.filter((one) => !forgotten.has(one))
    this.#services.changed(this.#kept)
  }

  async #run(progress: FixProgress, chosen: readonly Chosen[]): Promise<void> {
    let done = 0
    let sentAt = 0
    const step = () => {
      done++
      if (performance.now() - sentAt < PROGRESS_MS) return
      sentAt = performance.now()
      this.#report({...progress, done})
    }
    try {
      await apply(progress.fix, chosen, {...this.#services.context, step})
      this.#report({...progress, done, state: 'done'})
    } catch (error) {
      this.#report({...progress, done, state: 'failed', problem: this.#services.explain(error)})
    }
  }

  /** Waits for what is in progress: it ends with the context's signal. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last
  }
}

/** Identifies the files, whatever their order. */
function digestOf(chosen: readonly ChosenFile[]): string {
  const files = chosen.map((file) => JSON.stringify([file.object, file.generation, file.isMissing]))
  return createHash('sha256').update(files.toSorted().join('\n')).digest('base64url')
}

async function apply(fix: Fix, chosen: readonly Chosen[], context: Context): Promise<void> {
  const objects = chosen.map(({object}) => object)
  const isOne = objects.length === 1
  if (fix === 'cancel') refuseGone(await cancel(objects, context))
  else if (fix === 'redrive') {
    // A file may have changed since the page was drawn: of one, the user hears why nothing happens.
    if (isOne) await planRedrive(objects, context)
    await redrive(objects, context)
  } else {
    if (isOne) await chooseFiles({objects}, context)
    refuseGone(await reprocess(chosen, context))
  }
}

function refuseGone({gone: [first, ...others]}: {readonly gone: readonly string[]}): void {
  if (first === undefined) return
  const which = others.length === 0 ? first : `${others.length + 1} files, ${first} first,`
  throw new AppError(`${which} left the input bucket.`, {
    code: 'object-unknown',
    suggestions: [suggest`See its state: ${commandFor('status', first)}`],
  })
}
