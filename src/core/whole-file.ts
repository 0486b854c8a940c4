import {randomUUID} from 'node:crypto'
import {rename, rm, writeFile} from 'node:fs/promises'

/** Writes a file beside its place and renames it: a reader finds the old or the new one, whole, also of two writers. */
export async function writeWhole(
  file: string,
  text: string,
  {mode = 0o666}: {mode?: number} = {},
): Promise<void> {
  const temporary = `${file}.${randomUUID()}`
  try {
    await writeFile(temporary, text, {mode})
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, {force: true})
    throw error
  }
}
