import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {Cli} from '../support/cli.ts'
import {blocksOf, runShellBlocks} from '../support/shell-blocks.ts'

const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8')
const blocks = blocksOf(readme)

it('README: its shell blocks run one after the other, as they stand', async () => {
  await using cli = await Cli.create()
  expect((await runShellBlocks(readme, cli)).length).toBeGreaterThanOrEqual(5)
}, 240_000)

it('README: the commands for a clone are those that CI runs', async () => {
  const ci = await readFile(join(import.meta.dirname, '../../.ci/run'), 'utf8')
  const clone = blocks.filter(({note}) => note === 'clone').flatMap(({text}) => text.trim().split(' && '))
  expect(clone).toEqual(['npm ci', 'npm run demo', 'npm ci', 'npm test'])
  // Flags for the program behind npm are CI's own.
  for (const command of clone) expect(ci).toMatch(new RegExp(`^step ${command}(?: -- .*)?$`, 'm'))
})

it('README: every command of the CLI is named', async () => {
  const manifest: unknown = JSON.parse(
    await readFile(join(import.meta.dirname, '../../.oclif.manifest.json'), 'utf8'),
  )
  expect(manifest).toHaveProperty('commands')
  const commands =
    typeof manifest === 'object' && manifest !== null && 'commands' in manifest
      ? Object.entries(manifest.commands ?? {})
          .filter(([, command]: [string, {hidden?: boolean}]) => !command.hidden)
          .map(([id]) => id)
      : []
  expect(commands.length).toBeGreaterThan(8)
  for (const id of commands) {
    const [first = '', second] = id.split(':')
    expect(readme).toMatch(
      second === undefined
        ? new RegExp(`\`${first}|cloud-runner ${first}`)
        : new RegExp(`\`${first} |\`${second}\``),
    )
  }
})
