import {cp, mkdir, readFile, symlink, writeFile} from 'node:fs/promises'
import {delimiter, dirname, join} from 'node:path'
import {execa} from 'execa'
import {describe, expect, it} from 'vitest'
import {BIN, Cli} from '../support/cli.ts'
import {
  CRATE,
  GO_MODULE,
  JARS,
  PYTHON,
  withoutGo,
  withoutJava,
  withoutPython,
  withoutRust,
} from '../support/google-clients.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'
import {startTools, type Tools} from '../support/tool.ts'

const ROOT = join(import.meta.dirname, '../..')
const MINUTES = {timeout: 300_000}

const page = await readFile(join(ROOT, 'docs/local-cloud.md'), 'utf8')
/** Texts of the page's blocks in a language. */
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, text = '']) => text,
  )

interface Example {
  readonly language: string
  readonly file: string
  readonly command: readonly string[]
  readonly skipped?: string | undefined
  /** What the program needs beside it. */
  readonly prepare?: (folder: string, tools: Tools) => Promise<void>
}

const EXAMPLES: readonly Example[] = [
  {language: 'js', file: 'photos.mjs', command: [process.execPath, 'photos.mjs'], prepare: installPackages},
  {
    language: 'python',
    file: 'photos.py',
    command: [PYTHON, 'photos.py'],
    skipped: withoutPython('google.cloud.storage'),
  },
  {
    language: 'go',
    file: 'main.go',
    command: ['go', 'run', '.'],
    skipped: withoutGo(),
    prepare: (folder) =>
      cp(GO_MODULE, folder, {recursive: true, filter: (path) => !path.endsWith('main.go')}),
  },
  {
    language: 'java',
    file: 'Photos.java',
    command: ['java', '-cp', `${JARS}/*`, 'Photos.java'],
    skipped: withoutJava(),
  },
  {
    language: 'rust',
    file: 'src/main.rs',
    command: ['cargo', 'run', '--quiet', '--offline'],
    skipped: withoutRust(),
    async prepare(folder, {local, project}) {
      await mkdir(join(folder, 'src'))
      const manifest = await readFile(join(CRATE, 'Cargo.toml'), 'utf8')
      await writeFile(join(folder, 'Cargo.toml'), manifest.replace('name = "objects"', 'name = "photos"'))
      const body = JSON.stringify({name: 'photos'})
      await fetch(`${local.endpoint}/storage/v1/b?project=${project}`, {method: 'POST', body})
    },
  },
]

describe('docs/local-cloud.md', () => {
  for (const {language, file, command, skipped, prepare} of EXAMPLES) {
    it.skipIf(skipped !== undefined)(`its program in ${language}${skipped ?? ''}`, MINUTES, async () => {
      const tools = await startTools()
      const {folder, run} = tools
      await prepare?.(folder, tools)
      const [program] = blocks(language)
      await writeFile(join(folder, file), program ?? '')
      expect(await run(command, {GOPROXY: 'off', CARGO_TARGET_DIR: join(CRATE, 'target')})).toMatch(
        /(?:^|\n)meow\n?$/,
      )
    })
  }

  it('its tests with the library', MINUTES, async () => {
    const folder = await temporaryFolder()
    await installPackages(folder)
    const [tests] = blocks('ts')
    await writeFile(join(folder, 'photos.test.mts'), tests ?? '')
    // Without STORAGE_EMULATOR_HOST, which Google's client prefers to apiEndpoint.
    const env = {PATH: process.env['PATH'] ?? ''}
    const options = {cwd: folder, env, extendEnv: false}
    const {stdout} = await execa(process.execPath, ['--test', 'photos.test.mts'], options)
    expect(stdout).toMatch(/pass 2\n.*fail 0\n/s)
  })

  it('its shell blocks, one after the other', MINUTES, async () => {
    await using cli = await Cli.create()
    const bin = join(cli.folder, '.bin')
    await mkdir(bin)
    await symlink(BIN, join(bin, 'cloud-runner'))
    const path = [bin, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)
    const script = blocks('sh').join('')
    const env = {PATH: path, HOME: cli.folder}
    const {stdout} = await execa('bash', ['-euo', 'pipefail', '-c', script], {cwd: cli.folder, env})
    expect(stdout.match(/"kind": ?"storage#buckets"/g)).toHaveLength(2)
  })
})

/** The packages that the page's blocks import: this one, and those that it has. */
async function installPackages(folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules/cloud-runner'))
  await symlink(join(ROOT, 'node_modules/@google-cloud'), join(folder, 'node_modules/@google-cloud'))
}
