import {mkdir, readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {isJsonObject} from '../core/json.ts'
import type {Context} from '../core/ports/context.ts'

type Place = Pick<Context, 'stateFolder' | 'pipeline'>

/** One for each pipeline of the folder. It has the token, so only its owner may read it. */
function fileOf({stateFolder, pipeline}: Place): string {
  const {target, project, name} = pipeline.settings
  return join(stateFolder, `console-${target}-${project}-${name}.json`)
}

/** Lets other commands of the folder name the console's address, until it is disposed of. */
export async function announce(address: string, place: Place): Promise<AsyncDisposable> {
  const file = fileOf(place)
  await mkdir(place.stateFolder, {recursive: true})
  await rm(file, {force: true})
  await writeFile(file, JSON.stringify({pid: process.pid, address}), {mode: 0o600})
  return {
    async [Symbol.asyncDispose]() {
      // A console that started later has its own.
      if ((await read(file))?.pid === process.pid) await rm(file, {force: true})
    },
  }
}

/** Address of the console that shows the pipeline, with its token; `undefined` if none is running. */
export async function runningConsole(place: Place): Promise<string | undefined> {
  const found = await read(fileOf(place))
  return found !== undefined && isAlive(found.pid) ? found.address : undefined
}

async function read(file: string): Promise<{readonly pid: number; readonly address: string} | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const value: unknown = text.startsWith('{') && text.endsWith('}') ? JSON.parse(text) : undefined
  if (!isJsonObject(value)) return undefined
  const {pid, address} = value
  return typeof pid === 'number' && typeof address === 'string' ? {pid, address} : undefined
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
