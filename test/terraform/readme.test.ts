import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import {expect, it} from 'vitest'
import {snakeCase} from '../../src/core/settings/setting-names.ts'
import {IMAGES_KEPT, SETTING_NAMES, SETTINGS} from '../../src/core/settings/settings.ts'
import {settingsModule} from '../../src/tools/terraform/variables.ts'
import {blocksOf} from '../support/terraform-blocks.ts'
import {MODULE} from '../support/terraform.ts'

const readme = readFileSync(join(MODULE, 'README.md'), 'utf8')
const variables = blocksOf(MODULE, 'variable')
const settings = new Set(SETTING_NAMES.filter((name) => SETTINGS[name].variable).map(snakeCase))

/** What is between `<!-- name -->` and `<!-- /name -->`. */
function region(name: string): string {
  const [, text = ''] = new RegExp(`<!-- ${name} -->\\n([\\s\\S]*?)<!-- /${name} -->`).exec(readme) ?? []
  return text.trim()
}

it('README: its tables of variables are what the module says', () => {
  const head = ['| name | type | default | what it is |', '|---|---|---|---|']
  const rowsOf = (isSetting: boolean) =>
    variables
      .filter(({name}) => settings.has(name) === isSetting)
      .map(
        ({name, type, description, default: value}) =>
          `| \`${name}\` | ${type} | ${value === undefined ? 'required' : `\`${value}\``} | ${description} |`,
      )
  expect(region('variables')).toBe([...head, ...rowsOf(false)].join('\n'))
  expect(region('settings')).toBe([...head, ...rowsOf(true)].join('\n'))
})

it('README: its table of outputs is what outputs.tf says', () => {
  const rows = blocksOf(MODULE, 'output').map(({name, description}) => `| \`${name}\` | ${description} |`)
  expect(region('outputs')).toBe(['| name | what it is |', '|---|---|', ...rows].join('\n'))
})

it('the variables of settings are those of the table of settings', () => {
  expect(readFileSync(join(MODULE, 'settings.tf'), 'utf8')).toBe(settingsModule())
})

it('the images kept are those of the pipeline without Terraform', () => {
  const defaults = Object.fromEntries(variables.map(({name, default: value}) => [name, value]))
  expect(defaults).toMatchObject({images_kept: String(IMAGES_KEPT)})
})
