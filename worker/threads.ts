import {availableParallelism} from 'node:os'
import {Worker as Thread, parentPort, workerData} from 'node:worker_threads'
import {WORKER_ENVIRONMENT} from './contract.ts'
import {collectGarbage} from './garbage.ts'

/** Marks the threads that are started here. */
const MARK = 'cloud-runner-tasks'
/** Bytes of a file from which other threads save time: with 100,000 rows of 16 columns, 10 MB, they showed no gain. */
const FEWEST_BYTES = 16 * 1024 * 1024

/** A function that another thread can run: its argument and its result are copied, but for shared memory. */
export interface Task<A, R> {
  readonly name: string
  run(argument: A): R | Promise<R>
}

interface Request {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Response {
  readonly id: number
  readonly result?: unknown
  readonly error?: unknown
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: unknown): void
}

const tasks = new Map<string, Task<unknown, unknown>>()

/** Registers a task, in this thread and in the others, which evaluate the same modules. */
export function defineTask<A, R>(task: Task<A, R>): Task<A, R> {
  tasks.set(task.name, task)
  return task
}

/** True in a thread that was started here: it runs tasks, and is no worker. */
export const isTaskThread = Object(workerData).mark === MARK

/** Threads beside the program's own: with more, what they cannot share takes longest. */
const MOST_HELPERS = 3

let program: string | undefined
let fewestBytes = FEWEST_BYTES
let helpers: Helper[] = []

/**
 * Allows other threads; once one has failed, no longer.
 * @param file the program's own, which the threads run too; undefined ends them
 * @param fewest bytes of a file for which they are started
 */
export async function allowThreads(file: string | undefined, fewest = FEWEST_BYTES): Promise<void> {
  program = file
  fewestBytes = fewest
  const running = helpers
  helpers = []
  await Promise.all(running.map((helper) => helper.end()))
}

/**
 * Starts the threads that pay for a file, unless they run: those that are allowed and have a processor, if the file is
 * not small.
 * @param most that memory has room for
 * @returns how many
 */
export function startHelpers(
  environment: Readonly<Record<string, string | undefined>>,
  sizeBytes: number,
  most: number,
): number {
  if (program === undefined || sizeBytes < fewestBytes) return 0
  const limit = Number(environment[WORKER_ENVIRONMENT.cpuLimit])
  const processors = limit > 0 ? Math.floor(limit) : availableParallelism()
  const count = Math.max(0, Math.min(MOST_HELPERS, processors - 1, most))
  while (helpers.length < count) helpers.push(new Helper(program))
  return count
}

/**
 * Runs a task in another thread.
 * @param number of the thread, from 0
 * @throws what the task throws; Error if the thread ends before
 */
export async function runAside<A, R>(task: Task<A, R>, argument: A, number: number): Promise<R> {
  const helper = helpers[number]
  if (helper === undefined) throw new Error('A thread has failed, so that no other one is started')
  return helper.run(task, argument)
}

/** A thread that runs tasks one after the other, but for those that wait. */
class Helper {
  readonly #thread: Thread
  readonly #waiting = new Map<number, Waiting>()
  #last = 0

  constructor(file: string) {
    this.#thread = new Thread(file, {name: 'tasks', workerData: {mark: MARK}, execArgv: []})
    this.#thread.unref()
    const end = (error: Error): void => {
      if (helpers.includes(this)) void allowThreads(undefined)
      for (const one of this.#waiting.values()) one.reject(error)
      this.#waiting.clear()
    }
    this.#thread.on('error', (cause) => end(new Error('A thread failed', {cause})))
    this.#thread.on('exit', (code) => end(new Error(`A thread ended with ${code}`)))
    this.#thread.on('message', ({id, result, error}: Response) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      // A process whose only work is idle here may end.
      if (this.#waiting.size === 0) this.#thread.unref()
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(error)
    })
  }

  run<A, R>({name}: Task<A, R>, argument: A): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      const id = ++this.#last
      this.#waiting.set(id, {resolve, reject})
      this.#thread.ref()
      this.#thread.postMessage({id, name, argument} satisfies Request, [])
    })
  }

  async end(): Promise<void> {
    await this.#thread.terminate()
  }
}

async function answer({id, name, argument}: Request): Promise<void> {
  try {
    const task = tasks.get(name)
    if (task === undefined) throw new Error(`No task is called ${name}`)
    const result = await task.run(argument)
    parentPort?.postMessage({id, result} satisfies Response, [])
  } catch (error) {
    parentPort?.postMessage({id, error} satisfies Response, [])
  }
}

let idle: NodeJS.Timeout | undefined

if (isTaskThread)
  parentPort?.on('message', (request: Request) => {
    clearTimeout(idle)
    void answer(request).finally(() => {
      clearTimeout(idle)
      // A thread that idles collects nothing, however much it holds.
      idle = setTimeout(collectGarbage, 100)
    })
  })
