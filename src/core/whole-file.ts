import {rename, writeFile} from 'node:fs/promises'

/** Writes a file beside its place and renames it: a reader finds the old or the new one, whole. */
export async function writeWhole(
  file: string,
  text: string,
  {mode = 0o666}: {mode?: number} = {},
): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  await writeFile(temporary, text, {mode})
  await rename(temporary, file)
}
