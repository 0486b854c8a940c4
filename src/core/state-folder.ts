import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'

/** Creates the `.cloud-runner` folder if it is missing, with a `.gitignore` so that git ignores it. */
export async function makeStateFolder(stateFolder: string): Promise<void> {
  await mkdir(stateFolder, {recursive: true, mode: 0o700})
  await writeFile(join(stateFolder, '.gitignore'), '*\n')
}
