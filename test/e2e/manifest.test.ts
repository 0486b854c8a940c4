import {Config} from '@oclif/core'
import {readFileSync} from 'node:fs'
import {describe, expect, test} from 'vitest'
import {parseObject} from '../support/cli.ts'

interface FlagEntry {
  readonly name: string
  readonly summary?: string
  readonly type: string
}

const config = await Config.load({root: new URL('../..', import.meta.url).pathname})
const commands = config.commands.map((command) => ({
  ...command,
  id: command.id.replaceAll(':', ' '),
  flagList: Object.values(command.flags).map((flag): FlagEntry => flag),
}))
const shown = commands.filter(({hidden}) => !hidden)

test('the manifest is of this version', () => {
  const read = (file: string) => parseObject(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))
  expect(read('.oclif.manifest.json')['version']).toBe(read('package.json')['version'])
})

test('every command of the product exists', () => {
  expect(shown.map(({id}) => id).toSorted()).toEqual([
    'cancel',
    'compare',
    'completion',
    'console',
    'cost',
    'demo',
    'deploy',
    'destroy',
    'dev',
    'doctor',
    'history',
    'init',
    'local env',
    'local exec',
    'local fault',
    'local iam',
    'local requests',
    'local reset',
    'local snapshot',
    'local start',
    'local status',
    'local stop',
    'local time',
    'logs',
    'model export',
    'plan',
    'redrive',
    'report',
    'reprocess',
    'results',
    'revisions',
    'rollback',
    'sample',
    'setup',
    'status',
    'upload',
    'version',
  ])
})

describe.each(shown)('$id', ({id, summary, examples, flagList, args}) => {
  test('has a summary of one line that is a sentence', () => {
    expect(summary).toMatch(/^[A-Z][^\n]*\.$/)
  })

  test('summarizes every flag and describes every argument', () => {
    for (const flag of flagList) expect(flag.summary ?? flag.name).toMatch(/\.$/)
    for (const arg of Object.values(args)) expect(arg.description).toMatch(/\S/)
  })

  test('has examples that name only what it knows', () => {
    expect(examples?.length).toBeGreaterThan(0)
    const known = new Set(['--json', ...flagList.flatMap(({name}) => [`--${name}`, `--no-${name}`])])
    for (const example of examples ?? []) {
      if (typeof example === 'string') throw new Error('An example has a description and a command.')
      const line = example.command
        .replaceAll('<%= config.bin %>', 'cloud-runner')
        .replaceAll('<%= command.id %>', id)
      const own = line.split(/[|(]/).find((part) => part.trim().startsWith(`cloud-runner ${id}`)) ?? ''
      expect(own).not.toBe('')
      for (const flag of own.match(/(?<=\s)--[a-z-]+/g) ?? []) expect(known).toContain(flag)
    }
  })

  test('knows target, project, pipeline and, unless its output is another program’s, JSON', () => {
    const names = flagList.map(({name}) => name)
    expect(names).toEqual(expect.arrayContaining(['target', 'project', 'pipeline', 'env']))
    expect(names.includes('json')).toBe(id !== 'local exec')
  })
})

test('irreversible commands need a confirmation', () => {
  const destroy = commands.find(({id}) => id === 'destroy')
  expect(destroy?.flagList.map(({name}) => name)).toContain('confirm')
})
