import {execFileSync} from 'node:child_process'
import {existsSync} from 'node:fs'
import {describe, expect, it} from 'vitest'
import {shellPath, shellWord} from '../../src/core/shell.ts'
import {commandFor, render, suggest} from '../../src/core/suggestion.ts'

/** The line to paste. */
const lineFor = (...typed: Parameters<typeof commandFor>) => render(suggest`${commandFor(...typed)}`)

const NAMES = [
  'june.csv',
  'größe/利益.csv',
  'mit leer zeichen.csv',
  'quo\'te".csv',
  '*.star.csv',
  'a#b.csv',
  '~home $HOME `id` \\n !1.csv',
  '-dash.csv',
  "\u001b[31mred\u009b1A\u202egnp' \\.csv",
  '',
]

describe('a name in a command', () => {
  it('stays bare if a shell leaves it alone', () => {
    expect(lineFor('results', 'a/b-1.csv', '--output', 'FILE')).toBe(
      'cloud-runner results a/b-1.csv --output FILE',
    )
    expect(shellWord('größe/利益.csv')).toBe('größe/利益.csv')
  })

  it('is quoted if a shell would interpret it', () => {
    expect(lineFor('logs', 'mit leer zeichen.csv')).toBe("cloud-runner logs 'mit leer zeichen.csv'")
    expect(shellWord('a#b.csv')).toBe("'a#b.csv'")
  })

  it('is not a flag if it starts with a dash', () => {
    expect(lineFor('results', '-dash.csv', '--output', 'FILE')).toBe(
      'cloud-runner results --output FILE -- -dash.csv',
    )
    expect(shellPath('-dash.csv')).toBe('./-dash.csv')
  })

  it('can be seen, whatever is in it', () => {
    expect(shellWord('\u001b[2J\u202e.csv')).toBe(String.raw`$'\033[2J\342\200\256.csv'`)
  })

  it.skipIf(!existsSync('/bin/bash'))('is read back by bash as it was (skipped without bash)', () => {
    const script = `printf '%s\\n' ${NAMES.map((name) => shellWord(name)).join(' ')}`
    const said = execFileSync('/bin/bash', ['-c', script], {encoding: 'utf8'})
    expect(said.split('\n')).toEqual([...NAMES, ''])
  })
})
