import {mkdir, symlink, truncate, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {Cli} from '../support/cli.ts'

let cli: Cli

beforeAll(async () => {
  cli = await Cli.create()
  await cli.run(['setup', '--yes'])
})

afterAll(async () => {
  await cli[Symbol.asyncDispose]()
})

test('what a folder holds besides files is named on standard error, and in JSON', async () => {
  const folder = join(cli.folder, 'data')
  await mkdir(folder)
  await writeFile(join(folder, 'a.csv'), 'x,y\n1,0\n')
  await symlink('nowhere', join(folder, 'gone.csv'))
  const people = await cli.run(['upload', 'data'])
  expect([people.exitCode, people.stderr]).toEqual([
    0,
    expect.stringContaining('data/gone.csv is left out: it is a broken link.'),
  ])
  expect(people.stdout).not.toContain('left out')
  const json = await cli.run(['upload', 'data', '--json'])
  expect(JSON.parse(json.stdout)).toMatchObject({
    uploaded: [{object: 'data/a.csv'}],
    leftOut: [{file: 'data/gone.csv', reason: 'it is a broken link'}],
  })
})

test('a large file reports its tenths', async () => {
  const file = join(cli.folder, 'large.bin')
  await writeFile(file, '')
  await truncate(file, 40 * 1024 * 1024)
  const {exitCode, stderr, stdout} = await cli.run(['upload', 'large.bin'])
  expect(exitCode).toBe(0)
  expect((stdout + stderr).match(/(?<=Upload large\.bin: )\d+(?= %)/g)).toEqual([
    '10',
    '20',
    '30',
    '40',
    '50',
    '60',
    '70',
    '80',
    '90',
  ])
})
