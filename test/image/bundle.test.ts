import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {copyFile, mkdir, symlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {createInterface} from 'node:readline'
import {text} from 'node:stream/consumers'
import {describe, expect, onTestFinished, test} from 'vitest'
import {bundleWorker} from '../../src/image/bundle.ts'
import {temporaryFolder} from '../support/temporary-folder.ts'

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder()
  await Promise.all(Object.entries(files).map(([name, content]) => writeFile(join(folder, name), content)))
  return folder
}

/** The text of the one file that a worker is. */
async function bundled(folder: string | undefined): Promise<string> {
  const files = await bundleWorker({folder})
  expect(files).toHaveLength(1)
  expect(files[0]).toMatchObject({path: 'app/worker.cjs', mode: 0o644})
  return Buffer.from(files[0]?.content ?? []).toString()
}

/** Runs a bundle in an empty folder and asks it for its health once it says where it listens. */
async function runBundle(source: string): Promise<{health: number; lines: string[]; exitCode: unknown}> {
  const folder = await folderWith({'worker.cjs': source})
  const child = spawn(process.execPath, [join(folder, 'worker.cjs')], {
    cwd: folder,
    env: {PORT: '0', INPUT_BUCKET: 'in', OUTPUT_BUCKET: 'out', METADATA_SERVER_DETECTION: 'none'},
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    const port = /port (\d+)/.exec(line)?.[1]
    if (port === undefined) continue
    const {status} = await fetch(`http://127.0.0.1:${port}/healthz`)
    child.kill('SIGTERM')
    const [exitCode]: unknown[] = await exited
    return {health: status, lines, exitCode}
  }
  throw new Error(`The worker ended without a line that has its port: ${lines.join('\n')}`)
}

/** Runs a bundle to its end in an empty folder. */
async function outputOf(source: string): Promise<{stderr: string; exitCode: unknown}> {
  const folder = await folderWith({'worker.cjs': source})
  const child = spawn(process.execPath, [join(folder, 'worker.cjs')], {
    env: {PORT: '0', INPUT_BUCKET: 'in', OUTPUT_BUCKET: 'out', METADATA_SERVER_DETECTION: 'none'},
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const closed = once(child, 'close')
  const stderr = await text(child.stderr)
  const [exitCode]: unknown[] = await closed
  return {stderr, exitCode}
}

describe('the packaged worker', () => {
  test('runs alone in an empty folder, answers, and stops on request', async () => {
    const {health, lines, exitCode} = await runBundle(await bundled(undefined))
    expect(health).toBe(200)
    expect(lines[0]).toContain('logistic-regression')
    expect(exitCode).toBe(0)
  })

  test('contains no folder names of the build machine', async () => {
    expect(await bundled(undefined)).not.toContain(join(import.meta.dirname, '..', '..'))
  })

  test('is as small as can be: no source map', async () => {
    expect(await bundled(undefined)).not.toContain('sourceMappingURL')
  })
})

const UPPER_CASE = `
  import {PermanentError, type Processor} from 'cloud-runner/worker'
  import {name} from './name.ts'

  export default {
    name,
    async process(input, output) {
      if (input.sizeBytes === 0) throw new PermanentError('The file is empty.', {code: 'empty'})
      for await (const chunk of await input.open()) await output.write(String(chunk).toUpperCase())
    },
  } satisfies Processor
`

describe("a worker of one's own", () => {
  test('that exports a processor gets the runtime around it', async () => {
    const folder = await folderWith({
      'processor.ts': UPPER_CASE,
      'name.ts': "export const name = 'upper-case'",
    })
    const {health, lines} = await runBundle(await bundled(folder))
    expect(health).toBe(200)
    expect(lines[0]).toContain('upper-case')
  })

  test.each([
    ['processor.js', "export const processor = {name: 'named', process() {}}"],
    ['processor.mjs', "export {processor} from './other.js'"],
    ['processor.js', "module.exports = {name: 'named', process() {}}"],
  ])('exports it from %s: %s', async (file, source) => {
    const folder = await folderWith({
      [file]: source,
      'other.js': "export const processor = {name: 'named', process() {}}",
    })
    expect((await runBundle(await bundled(folder))).lines[0]).toContain('named')
  })

  test('with a main file is a whole worker, and may use ESM things', async () => {
    const folder = await folderWith({
      'main.ts': `
        import {createServer} from 'node:http'
        import {createRequire} from 'node:module'
        const {sep} = createRequire(import.meta.url)('node:path')
        const server = createServer((_, response) => response.writeHead(sep === '/' ? 204 : 500).end())
        server.listen(Number(process.env['PORT']), () => console.log('port', server.address().port))
      `,
      'processor.ts': 'this is not looked at',
    })
    expect((await runBundle(await bundled(folder))).health).toBe(204)
  })

  test('yields the same bytes wherever its folder is, and others when it changes', async () => {
    const files = {'processor.ts': UPPER_CASE, 'name.ts': "export const name = 'upper-case'"}
    const [first, second, changed] = await Promise.all(
      [files, files, {...files, 'name.ts': "export const name = 'other'"}].map(async (each) =>
        bundled(await folderWith(each)),
      ),
    )
    expect(second).toBe(first)
    expect(changed).not.toBe(first)
  })

  test('finds its packages in its own folder', async () => {
    const folder = await folderWith({'processor.js': "export {default} from 'shout'"})
    const shout = join(folder, 'node_modules', 'shout')
    await mkdir(shout, {recursive: true})
    await writeFile(join(shout, 'index.js'), "export default {name: 'shout', process() {}}")
    expect((await runBundle(await bundled(folder))).lines[0]).toContain('shout')
    const linked = join(await temporaryFolder(), 'link')
    await symlink(folder, linked)
    expect(await bundled(linked)).toBe(await bundled(folder))
  })
})

describe("an error of a worker of one's own names its sources", () => {
  test('thrown at start: file, line and column, and the line as it was written', async () => {
    const folder = await folderWith({
      'processor.ts': "import {boom} from './boom.ts'\nexport default {name: 'x', process: boom}\n",
      'boom.ts':
        "type Why = string\nexport const boom = (why: Why) => why\nthrow new Error('boom at start')\n",
    })
    const {stderr, exitCode} = await outputOf(await bundled(folder))
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/\/boom\.ts:3\nthrow new Error\('boom at start'\)\n *\^\n/)
    expect(stderr).toMatch(/Error: boom at start\n +at .*\/boom\.ts:3:7/)
    expect(stderr.split('\n').every((line) => line.length < 500)).toBe(true)
  })

  test('of a main file, which is the main module as ever', async () => {
    const folder = await folderWith({
      'main.js': 'if (require.main === module) {\n  null.x\n}\n',
    })
    expect((await outputOf(await bundled(folder))).stderr).toMatch(/TypeError: .*\n +at .*\/main\.js:2:8/)
  })

  test('and neither the machine nor anything of the packages', async () => {
    const bundle = await bundled(
      await folderWith({'processor.ts': UPPER_CASE, 'name.ts': "export const name = 'a'"}),
    )
    const map: unknown = JSON.parse(Buffer.from(bundle.split('base64,').at(-1) ?? '', 'base64').toString())
    expect(map).toMatchObject({
      sources: expect.arrayContaining(['processor.ts', 'cloud-runner/worker/runtime/serve.ts']),
    })
    const home = join(import.meta.dirname, '..', '..')
    expect((JSON.stringify(map) + bundle).includes(home)).toBe(false)
    expect(JSON.stringify(map).includes('../')).toBe(false)
    expect(JSON.stringify(map).includes('Cloud Run kills a container')).toBe(false)
  })
})

describe('what is not a worker is reported', () => {
  test.each([
    [
      {'index.ts': ''},
      'worker-missing',
      /^There is no worker in .*: it has none of main\.ts, .*processor\.mjs\.$/,
    ],
    [
      {'processor.ts': 'export const process = 1'},
      'worker-build-failed',
      /processor\.ts exports neither "default" nor "processor"\.$/,
    ],
    [
      {'processor.ts': 'export default {\n  name: )'},
      'worker-build-failed',
      /cannot be bundled:\n {2}processor\.ts:2:9: Unexpected "\)"/,
    ],
    [{'main.ts': "import 'nowhere'"}, 'worker-build-failed', /main\.ts:1:8: Could not resolve "nowhere"/],
  ])('%j: %s', async (files, code, message) => {
    await expect(bundleWorker({folder: await folderWith(files)})).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  test('a missing package comes with the command that installs it, a missing folder with its name', async () => {
    const folder = await folderWith({'main.ts': "import '@scope/a'\nimport 'b'\nimport './c.ts'"})
    await expect(bundleWorker({folder})).rejects.toMatchObject({
      suggestions: [`cd ${folder} && npm install @scope/a b`],
    })
    const spaced = join(folder, 'my worker')
    await mkdir(spaced)
    await copyFile(join(folder, 'main.ts'), join(spaced, 'main.ts'))
    await expect(bundleWorker({folder: spaced})).rejects.toMatchObject({
      suggestions: [`cd '${spaced}' && npm install @scope/a b`],
    })
    await expect(bundleWorker({folder: join(folder, 'none')})).rejects.toMatchObject({
      code: 'worker-missing',
      message: `The worker's folder ${join(folder, 'none')} cannot be read.`,
    })
  })
})
