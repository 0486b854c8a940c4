import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {temporaryFolder} from './temporary-folder.ts'

/** A folder with a worker of one's own: its one file, by name. */
export async function workerFolder(file: 'processor.js' | 'main.js', source: string): Promise<string> {
  const folder = join(await temporaryFolder(), 'worker')
  await mkdir(folder)
  await writeFile(join(folder, file), source)
  return folder
}

/** A processor that writes the file back in capitals; `prefix` distinguishes versions. */
export function capitals(prefix: string): string {
  return `export default {
    name: 'capitals',
    async process(input, output) {
      await output.write(${JSON.stringify(prefix)})
      for await (const chunk of await input.open()) await output.write(String(chunk).toUpperCase())
    },
  }\n`
}
