import {join} from 'node:path'
import {Config, Help} from '@oclif/core'
import {expect, test} from 'vitest'

const COLUMNS = 80
const root = join(import.meta.dirname, '..', '..')
const config = await Config.load(root)
const commands = config.commands
  .filter(({hidden}) => !hidden)
  .map(({id, summary = ''}) => ({name: id.replaceAll(':', ' '), summary}))
const topics = config.topics.map(({name}) => name)

/** oclif's help, kept instead of printed. */
class RenderedHelp extends Help {
  readonly lines: string[] = []

  protected override log(...texts: string[]): void {
    this.lines.push(...texts.flatMap((text) => text.split('\n')))
  }
}

/** The lines of `cloud-runner help …` on a terminal of 80 columns. */
async function help(...words: string[]): Promise<string[]> {
  // oclif changes the ids of a configuration's commands as it lists them.
  const rendered = new RenderedHelp(await Config.load(root), {maxWidth: COLUMNS})
  await rendered.showHelp(words)
  return rendered.lines
}

test.each(['', ...topics, ...commands.map(({name}) => name)])('`%s --help` fits 80 columns', async (name) => {
  const lines = await help(...(name === '' ? [] : [name.replaceAll(' ', ':')]))
  expect(lines.join('\n')).toContain('USAGE')
  expect(lines.filter((line) => line.length > COLUMNS)).toEqual([])
})

test.each(commands)(
  'the summary of $name takes one line in the list of commands',
  async ({name, summary}) => {
    const [topic = ''] = name.split(' ')
    const lines = await help(...(topic === name ? [] : [topic]))
    expect(lines.map((line) => line.trim().split(/ {2,}/))).toContainEqual([name, summary])
  },
)
