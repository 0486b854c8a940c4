import {randomUUID} from 'node:crypto'
import {mkdir, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {isJsonObject} from '../core/json.ts'
import type {Context} from '../core/ports/context.ts'
import {markup} from '../report-page/markup.ts'

type Place = Pick<Context, 'stateFolder' | 'pipeline'>

/** Path without extension of the files about the console: one for each pipeline of the folder. */
function basisOf({stateFolder, pipeline}: Place): string {
  const {target, project, name} = pipeline.settings
  return join(stateFolder, `console-${target}-${project}-${name}`)
}

function fileOf(place: Place): string {
  return `${basisOf(place)}.json`
}

/** Writes a file with the token, so only its owner may read it, from the first moment on. */
async function writePrivate(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), {recursive: true})
  // Two commands may write it at once.
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, text, {mode: 0o600, flag: 'wx'})
  await rename(draft, file)
}

/** Lets other commands of the folder name the console's address, until it is disposed of. */
export async function announce(address: string, place: Place): Promise<AsyncDisposable> {
  const file = fileOf(place)
  await writePrivate(file, JSON.stringify({pid: process.pid, address}))
  return {
    async [Symbol.asyncDispose]() {
      // A console that started later has its own.
      if ((await read(file))?.pid !== process.pid) return
      await Promise.all([file, `${basisOf(place)}.html`].map((path) => rm(path, {force: true})))
    },
  }
}

/**
 * Writes a file that leads a browser to a page of the console: everybody on the machine sees a program's arguments, and
 * so an address among them.
 * @param path of the page, with its query
 * @returns path of the file
 */
export async function writeOpener(address: string, path: string, place: Place): Promise<string> {
  const file = `${basisOf(place)}.html`
  const to = new URL(path, address)
  to.hash = new URL(address).hash
  const page = markup`<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=${to.href}">
<title>cloud-runner</title>
`
  await writePrivate(file, page.text)
  return file
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
