import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'

/** Makes the `.cloud-runner` folder where it is missing; git ignores it by itself. */
export async function makeStateFolder(stateFolder: string): Promise<void> {
  await mkdir(stateFolder, {recursive: true, mode: 0o700})
  await writeFile(join(stateFolder, '.gitignore'), '*\n')
}
