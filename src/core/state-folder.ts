import {chmod, mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'

/**
 * Creates the `.cloud-runner` folder if it is missing, with a `.gitignore` so that git ignores it. A folder that the user
 * created becomes readable by them alone: the local cloud's state has files, and the values of secrets.
 */
export async function makeStateFolder(stateFolder: string): Promise<void> {
  await mkdir(stateFolder, {recursive: true, mode: 0o700})
  await chmod(stateFolder, 0o700)
  await writeFile(join(stateFolder, '.gitignore'), '*\n')
}
