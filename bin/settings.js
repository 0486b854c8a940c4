// Writes what derives from the table of settings into files that are committed: the variables of the Terraform module and
// the tables of both READMEs.
import {readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'

/**
 * @param {string} root
 * @param {(path: string) => Promise<any>} built imports a compiled module
 * @returns {Promise<string[]>} the files that were not up to date
 */
export async function writeSettings(root, built) {
  const {SETTINGS, SETTING_NAMES} = await built('src/core/settings/settings.js')
  const {flagName, snakeCase} = await built('src/core/settings/setting-names.js')
  const {settingsModule, inTerraform} = await built('src/tools/terraform/variables.js')

  const rows = SETTING_NAMES.map((name) => {
    const {description, defaultText, flag, hasLocalEffect} = SETTINGS[name]
    const own = flag === undefined ? `\`${name}\`` : `\`${name}\`, \`${flagName(name)}\``
    return `| ${own} | ${defaultText ?? ''} | ${description}${hasLocalEffect ? '' : ' Without effect on the local target.'} |`
  })
  const variables = SETTING_NAMES.filter((name) => SETTINGS[name].variable).map((name) => {
    const {default: value, description, variable} = SETTINGS[name]
    return `| \`${snakeCase(name)}\` | ${variable.type} | \`${JSON.stringify(value ?? null)}\` | ${inTerraform(description, variable)} |`
  })
  const texts = {
    'terraform/settings.tf': () => settingsModule(),
    'README.md': (text) => withTable(text, ['setting, flag of `setup`', 'default', 'what it is'], rows),
    'terraform/README.md': (text) => withTable(text, ['name', 'type', 'default', 'what it is'], variables),
  }
  return Object.entries(texts)
    .map(([name, derive]) => {
      const file = join(root, name)
      const text = readFileSync(file, {encoding: 'utf8', flag: 'a+'})
      return {name, file, text, derived: derive(text)}
    })
    .filter(({text, derived}) => text !== derived)
    .map(({name, file, derived}) => {
      writeFileSync(file, derived)
      return name
    })
}

/** Puts a table between `<!-- settings -->` and `<!-- /settings -->`. */
function withTable(text, head, rows) {
  const table = [`| ${head.join(' | ')} |`, `|${'---|'.repeat(head.length)}`, ...rows].join('\n')
  return text.replace(
    /(<!-- settings -->\n)[^]*?(<!-- \/settings -->)/,
    (_, open, close) => `${open}\n${table}\n\n${close}`,
  )
}
