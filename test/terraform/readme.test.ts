import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {FIXED, SETTINGS} from '../../src/core/pipeline/settings.ts'
import {blocksOf} from '../support/terraform-blocks.ts'
import {MODULE} from '../support/terraform.ts'

const readme = readFileSync(join(MODULE, 'README.md'), 'utf8')
const variables = blocksOf(MODULE, 'variable')

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
function region(name: string): string {
  const [, text = ''] = new RegExp(`<!-- ${name} -->\\n([\\s\\S]*?)<!-- /${name} -->`).exec(readme) ?? []
  return text.trim()
}

it('README: its table of variables is what variables.tf says', () => {
  const rows = variables.map(
    ({name, type, description, default: value}) =>
      `| \`${name}\` | ${type} | ${value === undefined ? 'required' : `\`${value}\``} | ${description} |`,
  )
  expect(region('variables')).toBe(
    ['| name | type | default | what it is |', '|---|---|---|---|', ...rows].join('\n'),
  )
})

it('README: its table of outputs is what outputs.tf says', () => {
  const rows = blocksOf(MODULE, 'output').map(({name, description}) => `| \`${name}\` | ${description} |`)
  expect(region('outputs')).toBe(['| name | what it is |', '|---|---|', ...rows].join('\n'))
})

/** `label_column` → `labelColumn` */
const setting = (name: string): string =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

it('the defaults are those of the settings', () => {
  const own = new Set(['project_id', 'image', 'force_destroy'])
  const settings: Record<string, unknown> = {
    ...Object.fromEntries(Object.entries(SETTINGS).map(([name, row]) => [name, row.default])),
    ...FIXED,
  }
  const mapped = variables.filter(({name}) => !own.has(name))
  const written = mapped.map(({name, default: value}) => [setting(name), JSON.parse(value ?? '"no default"')])
  const wanted = mapped.map(({name}) => [setting(name), settings[setting(name)] ?? null])
  expect(written).toEqual(wanted)
  const elsewhere = new Set(['target', 'project', 'state', 'worker'])
  const named = new Set(mapped.map(({name}) => setting(name)))
  expect(Object.keys(settings).filter((name) => !named.has(name) && !elsewhere.has(name))).toEqual([])
})

it.each([
  ['name', 'name'],
  ['project', 'project_id'],
  ['region', 'region'],
  ['memory', 'memory'],
  ['jobThreshold', 'job_threshold'],
] as const)('the rule of the setting %s is that of the variable %s', (name, variable) => {
  const pattern = String(SETTINGS[name].schema['pattern'])
    .replaceAll(String.raw`\d`, '[0-9]')
    .replace('(?:', '(')
  expect(variables.find((block) => block.name === variable)?.text).toContain(`can(regex("${pattern}"`)
})

it.each(['minimum', 'maximum'] as const)('the %s of numbers is the settings’', (bound) => {
  for (const name of ['concurrency', 'maxInstances', 'maxDeliveryAttempts'] as const) {
    const variable = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const {text = ''} = variables.find((block) => block.name === variable) ?? {}
    const sign = bound === 'minimum' ? '>=' : '<='
    expect(text).toContain(`var.${variable} ${sign} ${String(SETTINGS[name].schema[bound])} `)
  }
})
