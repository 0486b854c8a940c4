import {randomUUID} from 'node:crypto'
import {rename, rm, writeFile} from 'node:fs/promises'

/** Writes a file atomically, by renaming a temporary one: readers see the old or the new text, even with two writers. */
export async function writeWhole(
  file: string,
  content: string | Uint8Array,
  {mode = 0o666}: {mode?: number} = {},
): Promise<void> {
  const temporary = `${file}.${randomUUID()}`
  try {
    await writeFile(temporary, content, {mode})
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, {force: true})
    throw error
  }
}
