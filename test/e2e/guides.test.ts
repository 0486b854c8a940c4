import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {Cli} from '../support/cli.ts'
import {runShellBlocks} from '../support/shell-blocks.ts'

it.each([
  ['data-scientist', /AUC +0\.7/],
  ['worker-developer', /An order needs a quantity/],
  ['platform-engineer', /invoices-staging/],
  ['operator', /Line 2 has 1 field/],
])(
  'docs/%s.md: its shell blocks run one after the other, as they stand',
  async (name, shown) => {
    await using cli = await Cli.create()
    const page = await readFile(join(import.meta.dirname, `../../docs/${name}.md`), 'utf8')
    const printed = await runShellBlocks(page, cli)
    expect(printed.join('\n')).toMatch(shown)
    expect(await cli.localCloudPid()).toBeUndefined()
  },
  240_000,
)
