import {chmod, cp, mkdir, readdir, readFile, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {Cli, type Ended} from '../support/cli.ts'
import {missing} from '../support/tool.ts'

const PYTHON = join(import.meta.dirname, '../../worker/templates/python')
const NO_PYTHON = missing('python3')
const MAIN = `import os
from runtime import serve

def process(input, output, context):
    output.write(os.environ["API_KEY"])

if __name__ == "__main__":
    serve(process, name="key")
`

/** Writes the variable API_KEY. */
const PROCESSOR = `export const processor = {
  name: 'key',
  async process(input, output, {environment}) {
    console.log('a file')
    await output.write(environment.API_KEY)
  },
}
`

async function start(): Promise<{cli: Cli; shown: Ended[]; run: (...args: string[]) => Promise<Ended>}> {
  const cli = await Cli.create()
  const shown: Ended[] = []
  const run = async (...args: string[]): Promise<Ended> => {
    const ended = await cli.run(args)
    shown.push(ended)
    return ended
  }
  await mkdir(join(cli.folder, 'worker'))
  await cli.write('worker/processor.js', PROCESSOR)
  await cli.write('cloud-runner.json', JSON.stringify({worker: './worker'}))
  await cli.write('file.txt', 'x')
  return {cli, shown, run}
}

/** What the worker wrote, for a file of this name. */
async function resultOf(cli: Cli, name: string): Promise<string> {
  await cli.json(['upload', 'file.txt', '--name', name, '--wait'])
  return (await cli.run(['results', name, '--output', '-'])).stdout
}

test('a secret reaches the worker from the file of this machine, and is shown nowhere', async () => {
  const {cli, shown, run} = await start()
  await using _ = cli
  const refused = await run('setup', '--secret', 'API_KEY=api-key:3')
  expect(refused.exitCode).toBe(1)
  expect(refused.stderr).toContain('secret: api-key has no value on this machine: API_KEY is missing in')
  expect(refused.stderr).toContain('.cloud-runner/secrets.env')
  expect(await readFile(join(cli.folder, 'cloud-runner.json'), 'utf8')).not.toContain('API_KEY')
  expect((await run('plan', '--secret', 'x')).exitCode).toBe(2)

  const file = join(cli.folder, '.cloud-runner', 'secrets.env')
  await cli.write('.cloud-runner/secrets.env', "API_KEY='first value'\n")
  await chmod(file, 0o644)
  expect((await run('setup', '--secret', 'API_KEY=api-key:3')).exitCode).toBe(0)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(await resultOf(cli, 'one.txt')).toBe('first value')
  expect((await run('plan', '--detailed-exitcode')).exitCode).toBe(0)
  expect((await run('setup', '--json')).stdout).toContain('"deployed": false')

  await cli.write('.cloud-runner/secrets.env', "API_KEY='second value'\n")
  expect((await run('deploy')).exitCode).toBe(0)
  expect(await resultOf(cli, 'two.txt')).toBe('second value')
  await cli.write('.cloud-runner/secrets.env', "API_KEY='third value'\n")
  expect((await run('setup')).exitCode).toBe(0)
  expect(await resultOf(cli, 'three.txt')).toBe('third value')
  expect(await readFile(file, 'utf8')).toBe("API_KEY='third value'\n")

  await Promise.all(
    ['status', 'logs', 'plan', 'doctor', 'revisions'].flatMap((verb) => [run(verb), run(verb, '--json')]),
  )
  expect(shown.map(({stdout, stderr}) => stdout + stderr).join('\n')).not.toMatch(
    /(?:first|second|third) value/,
  )
  expect(JSON.parse(await readFile(join(cli.folder, 'cloud-runner.json'), 'utf8'))).toMatchObject({
    secrets: {API_KEY: 'api-key:3'},
  })
  expect(await readableByOthers(join(cli.folder, '.cloud-runner'))).toEqual([])

  // The secret is lost with the local cloud, but not its value.
  expect((await run('destroy', '--confirm', 'cloud-runner')).stdout).toContain('The local cloud was stopped')
  expect(await readFile(file, 'utf8')).toBe("API_KEY='third value'\n")
})

test.skipIf(NO_PYTHON !== undefined)(
  `a Python worker gets it from dev, in a folder of the user's own${NO_PYTHON ?? ''}`,
  async () => {
    const {cli} = await start()
    await using _ = cli
    await cp(PYTHON, join(cli.folder, 'python'), {recursive: true})
    await writeFile(join(cli.folder, 'python/requirements.txt'), '')
    await cli.write('python/main.py', MAIN)
    await mkdir(join(cli.folder, '.cloud-runner'))
    await cli.write('.cloud-runner/secrets.env', 'API_KEY=value\n')
    await cli.write('cloud-runner.json', JSON.stringify({worker: './python', secrets: {API_KEY: 'api-key'}}))
    const dev = cli.start(['dev'])
    await dev.shows('ready')
    expect(await resultOf(cli, 'file.txt')).toBe('value')
    expect(await readableByOthers(join(cli.folder, '.cloud-runner'))).toEqual([])
    dev.kill('SIGINT')
    await dev.ended
  },
)

/** Files that another user of this machine could open. */
async function readableByOthers(folder: string): Promise<string[]> {
  const {mode} = await stat(folder)
  if ((mode & 0o077) === 0) return []
  const entries = await readdir(folder, {withFileTypes: true})
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return readableByOthers(path)
      return ((await stat(path)).mode & 0o077) === 0 ? [] : [path]
    }),
  )
  return found.flat()
}
