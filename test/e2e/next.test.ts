import {mkdir, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {NOT_SET_UP, SET_UP, WRONG_USAGE} from '../fixtures/mistakes.ts'
import {Cli, parseObject} from '../support/cli.ts'

/** Commands to run after a mistake before giving up. */
const PATIENCE = 3

/** What is run one after the other, and how the last one ended. */
interface Recovery {
  readonly typed: readonly string[][]
  readonly exitCode: number | undefined
}

/** Makes a mistake, then runs nothing but the first of the commands that `next` names. */
async function recover(cli: Cli, mistake: readonly string[]): Promise<Recovery> {
  const typed: string[][] = []
  let args = mistake.filter((word) => word !== '--json')
  for (;;) {
    typed.push(args)
    const end = args.indexOf('--')
    const at = end === -1 ? args.length : end
    const {exitCode, stdout} = await cli.run([...args.slice(0, at), '--json', ...args.slice(at)])
    if (exitCode === 0 || typed.length > PATIENCE) return {typed, exitCode}
    const next = nextOf(stdout, args)
    if (next === undefined) return {typed, exitCode}
    args = next.filter((word) => word !== '--json')
  }
}

function nextOf(stdout: string, typed: readonly string[]): string[] | undefined {
  expect({typed, stdout}).toMatchObject({stdout: expect.stringMatching(/^\{/)})
  const {error} = parseObject(stdout)
  const {next} = parseObject(JSON.stringify(error ?? {}))
  const [first]: unknown[] = Array.isArray(next) ? next : []
  if (!Array.isArray(first)) return undefined
  const [program, ...words] = first.map(String)
  expect(program).toBe('cloud-runner')
  return words
}

async function withFile(): Promise<Cli> {
  const cli = await Cli.create()
  await writeFile(join(cli.folder, 'totals.csv'), 'a,y\n1,0\n2,1\n3,0\n4,1\n5,\n')
  return cli
}

test('what the user has to choose is not among the commands to run', async () => {
  await using cli = await withFile()
  const choices = [
    ['setup', '--create-project'],
    ['upload'],
    ['upload', '-'],
    ['local', 'time', 'advance', 'a day'],
    ['local', 'snapshot', 'save'],
    ['local', 'fault', 'add'],
  ]
  for (const args of choices) {
    const {exitCode, stdout} = await cli.run([...args, '--json'])
    const next = nextOf(stdout, args)?.filter((word) => word !== '--help')
    expect({args, exitCode, isOwn: next === undefined || args.join(' ') === next.join(' ')}).toEqual({
      args,
      exitCode: 2,
      isOwn: true,
    })
  }
})

test('nine mistakes in ten end well if nothing is run but next[0]', async () => {
  await using empty = await withFile()
  await writeFile(join(empty.folder, 'x.csv'), 'a,y\n1,0\n2,1\n')
  const recoveries: Recovery[] = []
  await empty.json(['setup'])
  for (const [args] of WRONG_USAGE) recoveries.push(await recover(empty, args))
  for (const mistake of NOT_SET_UP) {
    await using cli = await withFile()
    recoveries.push(await recover(cli, mistake))
  }
  await using cli = await withFile()
  await mkdir(join(cli.folder, 'worker'))
  await writeFile(join(cli.folder, 'worker', 'notes.txt'), 'mine')
  await cli.json(['setup'])
  await cli.json(['upload', 'totals.csv', '--label-column', 'y', '--wait'])
  for (const mistake of SET_UP) recoveries.push(await recover(cli, mistake))

  const failed = recoveries.filter(({exitCode}) => exitCode !== 0)
  const share = failed.length / recoveries.length
  expect({failed, isRare: share <= 0.1}).toMatchObject({isRare: true})
}, 600_000)
