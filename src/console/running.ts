import {readFile, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {isJsonObject} from '../core/json.ts'
import type {Context} from '../core/ports/context.ts'
import {makeStateFolder} from '../core/state-folder.ts'
import {writeWhole} from '../core/whole-file.ts'
import {markup} from '../report-page/markup.ts'

/** How long a running console may take to answer. */
const ANSWER_MS = 2000

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
async function writePrivate(file: string, text: string, {stateFolder}: Place): Promise<void> {
  await makeStateFolder(stateFolder)
  await writeWhole(file, text, {mode: 0o600})
}

/** Lets other commands of the folder name the console's address, until it is disposed of. */
export async function announce(address: string, place: Place): Promise<AsyncDisposable> {
  const file = fileOf(place)
  await writePrivate(file, JSON.stringify({address}), place)
  return {
    async [Symbol.asyncDispose]() {
      // A console that started later has its own.
      if ((await addressIn(file)) !== address) return
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
  await writePrivate(file, page.text, place)
  return file
}

/**
 * Address of the console that shows the pipeline, with its token; `undefined` if none is running. One that was killed
 * leaves its address, and its port may serve another program since.
 */
export async function runningConsole(place: Place): Promise<string | undefined> {
  const address = await addressIn(fileOf(place))
  return address !== undefined && (await answers(address)) ? address : undefined
}

async function addressIn(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const value: unknown = text.startsWith('{') && text.endsWith('}') ? JSON.parse(text) : undefined
  return isJsonObject(value) && typeof value['address'] === 'string' ? value['address'] : undefined
}

/** Whether the console with this token serves the address. */
async function answers(address: string): Promise<boolean> {
  const {origin, hash} = new URL(address)
  try {
    const response = await fetch(`${origin}/api/session`, {
      headers: {authorization: `Bearer ${new URLSearchParams(hash.slice(1)).get('token')}`},
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    const session: unknown = await response.json()
    return response.ok && isJsonObject(session) && 'eventsPath' in session
  } catch {
    return false
  }
}
