import {appendFile, readFile, rm} from 'node:fs/promises'
import {join} from 'node:path'
import type {Context} from '../ports/context.ts'
import type {StoredObject} from '../ports/objects.ts'
import {makeStateFolder} from '../state-folder.ts'

/** One line per fetched result, in the state folder: `destroy` reports how many were never fetched. */
function fileOf({stateFolder, pipeline}: Pick<Context, 'stateFolder' | 'pipeline'>): string {
  const {target, project, name} = pipeline.settings
  return join(stateFolder, `fetched-${target}-${project}-${name}.jsonl`)
}

/** Records that a result was downloaded. */
export async function recordFetched(
  context: Pick<Context, 'stateFolder' | 'pipeline'>,
  result: Pick<StoredObject, 'name' | 'generation'>,
): Promise<void> {
  await makeStateFolder(context.stateFolder)
  await appendFile(
    fileOf(context),
    `${JSON.stringify({object: result.name, generation: result.generation})}\n`,
  )
}

/** Generations of the results that were downloaded from this folder. */
export async function readFetched(
  context: Pick<Context, 'stateFolder' | 'pipeline'>,
): Promise<ReadonlySet<string>> {
  const text = await readFile(fileOf(context), 'utf8').catch(() => '')
  return new Set([...text.matchAll(/"generation":"(\d+)"/g)].map(([, generation = '']) => generation))
}

export async function forgetFetched(context: Pick<Context, 'stateFolder' | 'pipeline'>): Promise<void> {
  await rm(fileOf(context), {force: true})
}
