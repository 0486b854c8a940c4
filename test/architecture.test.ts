import {copyFile, mkdir, writeFile} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {execa} from 'execa'
import {expect, it} from 'vitest'
import {PROTO_FILES} from '../src/local-cloud/wire/protos.ts'
import {arrowsInCircles, arrowsOf, readImports} from './support/imports.ts'
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
  ['src/core/deploy/build.ts', '../../image/images.ts'],
  ['src/commands/setup.ts', '../image/images.ts'],
  ['src/image/bundle.ts', '../tools/docker.ts'],
  ['src/image/push.ts', '../google/rest.ts'],
  ['src/image/bundle.ts', '../../worker/runtime/index.ts'],
  ['src/image/bundle.ts', 'execa'],
  ['src/tools/docker.ts', '../image/images.ts'],
  ['src/google/storage.ts', '../image/images.ts'],
  ['src/core/upload/upload.ts', '../../report-page/page.ts'],
  ['src/report-page/page.ts', '../core/report.ts'],
  ['src/report-page/page.ts', '../../worker/runtime/index.ts'],
  ['src/core/upload/upload.ts', '../../console/server.ts'],
  ['src/console/server.ts', '../google/storage.ts'],
  ['src/console/server.ts', '../cli/base.ts'],
  ['src/console/server.ts', 'node:child_process'],
  ['src/console/page/live.ts', '../../core/logs.ts'],
  ['src/console/page/live.ts', '../watch.ts'],
  ['src/console/page/file/runs.ts', '../../story.ts'],
  ['src/console/page/live.ts', '../api.ts'],
  ['src/console/page/live.ts', 'node:fs'],
  ['src/google/storage.ts', '../local-cloud/index.ts'],
  ['src/tools/docker.ts', '../google/storage.ts'],
  ['src/tools/docker.ts', '../local-cloud/index.ts'],
  ['src/tools/docker.ts', '../local-cloud/run/index.ts'],
  ['src/local-cloud/storage/routes.ts', '../../core/ports/cloud.ts'],
  ['src/local-cloud/storage/routes.ts', '@google-cloud/storage'],
  ['src/local-cloud/storage/routes.ts', 'node:http'],
  ['worker/main.ts', '../src/core/ports/cloud.ts'],
  ['worker/runtime/server.ts', 'node:http'],
  ['worker/logistic-regression/csv/records.ts', '../table/columns.ts'],
  ['worker/kernels/scratch.ts', '../runtime/index.ts'],
  ['worker/threads.ts', './runtime/index.ts'],
  ['worker/threads.ts', './logistic-regression/quality/metrics.ts'],
  ['worker/kernels/scratch.ts', '../logistic-regression/pacer.ts'],
  ['worker/logistic-regression/table/table.ts', '../encoding/design.ts'],
  ['worker/logistic-regression/table/table.ts', '../formats/source.ts'],
  ['worker/logistic-regression/formats/source.ts', '../encoding/design.ts'],
  ['worker/logistic-regression/encoding/design.ts', '../solver/objective.ts'],
  ['worker/logistic-regression/solver/fit.ts', '../training/model.ts'],
  ['worker/logistic-regression/training/train.ts', '../quality/metrics.ts'],
  ['worker/logistic-regression/quality/report.ts', '../scoring/score.ts'],
  ['worker/logistic-regression/scoring/score.ts', '../index.ts'],
  ['worker/logistic-regression/scoring/score.ts', '../../../src/core/ports/cloud.ts'],
])('lint keeps %s from importing %s', async (file, specifier) => {
  expect(await lint(file, specifier)).toMatch(/no-restricted-imports/)
})

it.each([
  ['src/cli/targets.ts', '../google/storage.ts'],
  ['src/cli/targets/terraform.ts', '../../google/storage.ts'],
  ['src/core/status.ts', '../../../worker/contract.ts'],
  ['src/google/storage.ts', '../core/ports/cloud.ts'],
  ['src/console/server.ts', '../core/logs.ts'],
  ['src/console/page/app.tsx', './file/file-page.tsx'],
  ['src/image/images.ts', '../core/ports/images.ts'],
  ['worker/logistic-regression/scoring/score.ts', '../quality/metrics.ts'],
  ['worker/logistic-regression/table/table.ts', '../csv/records.ts'],
])('lint lets %s import %s', async (file, specifier) => {
  expect(await lint(file, specifier)).not.toMatch(/no-restricted-imports/)
})

it('lint lets tools import types from the door of the local cloud, and from nowhere behind it', async () => {
  const imported = (specifier: string) =>
    lint(
      'src/tools/docker.ts',
      specifier,
      `import type {Thing} from '${specifier}'\nexport type Other = Thing\n`,
    )
  expect(await imported('../local-cloud/index.ts')).not.toMatch(/no-restricted-imports/)
  expect(await imported('../local-cloud/admin-routes.ts')).toMatch(/no-restricted-imports/)
})

it.each(PROTO_FILES)('Google’s descriptors are where they are read: %s', (file) => {
  expect(createRequire(import.meta.url).resolve(file)).toContain(file)
})

it('no two rooms or files of a folder import each other, not even in a wide circle', () => {
  expect(arrowsInCircles(arrowsOf(readImports(root, ['src', 'worker'])))).toEqual([])
})

it('a circle is found between files, between folders, and over several of them', () => {
  const circles = (...pairs: [string, string][]): string[] =>
    arrowsInCircles(arrowsOf(pairs.map(([from, to]) => ({from, to})))).map(({from, to}) => `${from} → ${to}`)
  expect(circles(['src/a.ts', 'src/b.ts'], ['src/b.ts', 'src/a.ts'])).toEqual(['a.ts → b.ts', 'b.ts → a.ts'])
  expect(circles(['src/a/1.ts', 'src/b/1.ts'], ['src/b/2.ts', 'src/a/2.ts'])).toEqual(['a → b', 'b → a'])
  expect(circles(['s/a/1.ts', 's/b/1.ts'], ['s/b/2.ts', 's/c.ts'], ['s/c.ts', 's/a/2.ts'])).toHaveLength(3)
  expect(circles(['s/a/1.ts', 's/b/1.ts'], ['s/b/1.ts', 's/c.ts'], ['s/a/1.ts', 's/c.ts'])).toEqual([])
})

/** What lint prints on one file with one import, in a folder of its own under the project's rules. */
async function lint(
  file: string,
  specifier: string,
  text = `import {thing} from '${specifier}'\nexport const other = thing\n`,
): Promise<string> {
  const folder = await temporaryFolder()
  await copyFile(join(root, '.oxlintrc.jsonc'), join(folder, '.oxlintrc.jsonc'))
  await mkdir(dirname(join(folder, file)), {recursive: true})
  await writeFile(join(folder, file), text)
  const {stdout} = await execa(join(root, 'node_modules/.bin/oxlint'), ['.'], {cwd: folder, reject: false})
  return stdout
}
