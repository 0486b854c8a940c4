import {copyFile, mkdir, writeFile} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {execa} from 'execa'
import {expect, it} from 'vitest'
import {PROTO_FILES} from '../src/local-cloud/wire/protos.ts'
import {temporaryFolder} from './support/temporary-folder.ts'

const root = join(import.meta.dirname, '..')

it.each([
  ['src/commands/upload.ts', '../google/storage.ts'],
  ['src/commands/upload.ts', '@google-cloud/storage'],
  ['src/cli/base.ts', '../tools/docker.ts'],
  ['src/cli/base.ts', '../commands/upload.ts'],
  ['src/core/upload/upload.ts', '../../google/storage.ts'],
  ['src/core/upload/upload.ts', '../../local-cloud/index.ts'],
  ['src/core/upload/upload.ts', '../../../worker/runtime/index.ts'],
  ['src/core/upload/upload.ts', 'listr2'],
  ['src/google/storage.ts', '../local-cloud/index.ts'],
  ['src/tools/docker.ts', '../google/storage.ts'],
  ['src/local-cloud/storage/routes.ts', '../../core/ports/cloud.ts'],
  ['src/local-cloud/storage/routes.ts', '@google-cloud/storage'],
  ['worker/main.ts', '../src/core/ports/cloud.ts'],
])('lint keeps %s from importing %s', async (file, specifier) => {
  expect(await lint(file, specifier)).toMatch(/no-restricted-imports/)
})

it.each([
  ['src/cli/open.ts', '../google/storage.ts'],
  ['src/core/status/status.ts', '../../../worker/contract.ts'],
  ['src/google/storage.ts', '../core/ports/cloud.ts'],
])('lint lets %s import %s', async (file, specifier) => {
  expect(await lint(file, specifier)).not.toMatch(/no-restricted-imports/)
})

it.each(PROTO_FILES)('Google’s descriptors are where they are read: %s', (file) => {
  expect(createRequire(import.meta.url).resolve(file)).toContain(file)
})

/** What lint prints on one file with one import, in a folder of its own under the project's rules. */
async function lint(file: string, specifier: string): Promise<string> {
  const folder = await temporaryFolder()
  await copyFile(join(root, '.oxlintrc.jsonc'), join(folder, '.oxlintrc.jsonc'))
  await mkdir(dirname(join(folder, file)), {recursive: true})
  await writeFile(join(folder, file), `import {thing} from '${specifier}'\nexport const other = thing\n`)
  const {stdout} = await execa(join(root, 'node_modules/.bin/oxlint'), ['.'], {cwd: folder, reject: false})
  return stdout
}
