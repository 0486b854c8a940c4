import {invalid, type Source} from './config-rules.ts'
import {AppError, EXIT} from './errors.ts'
import {nearest} from './nearest.ts'
import {environmentName, flagName} from './settings/setting-names.ts'
import {SETTING_NAMES, type SettingName} from './settings/settings.ts'
import {
  ENVIRONMENTS,
  PIPELINES,
  PROTECTED,
  type Choice,
  type Section,
  type Sections,
} from './config-sections.ts'

/** A value of a setting, before it is checked. */
export interface Given {
  readonly value: unknown
  readonly source: Source
  /** Folder that paths are relative to. */
  readonly base: string
}

/** Settings as they were given outside of the file. */
interface Outside {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly flags: Readonly<Partial<Record<SettingName, unknown>>>
}

/** The user's file, and which of its sections apply. */
interface Inside {
  readonly folder: string
  readonly file: string
  readonly sections: Sections
  readonly own: string | undefined
  readonly choice: Choice
}

/** How messages name a section of the file. */
export function placeOf(path: readonly string[], file: string): string {
  return path.length === 0 ? file : `"${path.join('.')}" of ${file}`
}

export const DEFAULT_SOURCE: Source = {kind: 'default', place: 'default'}

/**
 * What was given for each setting, from the lowest layer to the highest.
 * @throws AppError `config-invalid` (exit 2) for an unknown field in any section of the file
 */
export function readLayers(
  {folder, file, sections, own, choice: {pipeline, env}}: Inside,
  {cwd, environment, flags}: Outside,
): ReadonlyMap<SettingName, readonly Given[]> {
  const layers = new Map<SettingName, Given[]>()
  const give = (setting: SettingName, value: Given) =>
    layers.set(setting, [...(layers.get(setting) ?? []), value])
  const isDeclared = sections.pipelines.has(pipeline)
  const declaredAt: Source = {kind: 'file', place: placeOf([PIPELINES, pipeline], file)}
  give('name', {value: pipeline, source: isDeclared ? declaredAt : DEFAULT_SOURCE, base: folder})
  const {$schema: _, ...common} = sections.common
  giveSection({...sections, common}, [], true)
  for (const [name, section] of sections.environments)
    giveSection(section, [ENVIRONMENTS, name], name === env)

  /** Checks the names of all fields; takes the values of what was chosen. */
  function giveSection(section: Section, path: readonly string[], isChosen: boolean): void {
    giveFields(section.common, path, isChosen, path.length === 0 ? SETTING_NAMES : ENTRY_SETTINGS)
    for (const [name, entry] of section.pipelines)
      giveFields(entry, [...path, PIPELINES, name], isChosen && name === pipeline, ENTRY_SETTINGS)
  }

  function giveFields(
    values: Readonly<Record<string, unknown>>,
    path: readonly string[],
    isChosen: boolean,
    allowed: readonly SettingName[],
  ): void {
    const place = placeOf(path, file)
    for (const [key, value] of Object.entries(values)) {
      const setting = knownSetting(key, place, allowed)
      const isOthers = setting === 'name' && pipeline !== own
      if (isChosen && !isOthers) give(setting, {value, source: {kind: 'file', place}, base: folder})
    }
  }

  for (const setting of SETTING_NAMES) {
    const variable = environmentName(setting)
    const fromEnvironment = environment[variable]
    if (fromEnvironment !== undefined && fromEnvironment !== '') {
      give(setting, {value: fromEnvironment, source: {kind: 'environment', place: variable}, base: cwd})
    }
    if (flags[setting] !== undefined) {
      give(setting, {value: flags[setting], source: {kind: 'flag', place: flagName(setting)}, base: cwd})
    }
  }
  return layers
}

/** What the entry of a pipeline or an environment may set: its name is the entry's own. */
const ENTRY_SETTINGS = SETTING_NAMES.filter((setting) => setting !== 'name')

/** @param place of the field @param names that are allowed */
function knownSetting(
  key: string,
  place: string,
  names: readonly SettingName[] = SETTING_NAMES,
): SettingName {
  const setting = names.find((name) => name === key)
  if (setting !== undefined) return setting
  if (key === PROTECTED)
    throw invalid(
      `${place} cannot be protected: only an environment can.`,
      `For example: "${ENVIRONMENTS}": {"production": {"${PROTECTED}": true}}`,
    )
  const folded = key.toLowerCase().replaceAll(/[-_]/g, '')
  const near =
    names.find((name) => name.toLowerCase() === folded) ??
    nearest(key, [...names, PIPELINES, ENVIRONMENTS, PROTECTED])
  throw new AppError(`${place} has an unknown field "${key}".`, {
    code: 'config-invalid',
    exitCode: EXIT.usage,
    suggestions: [near === undefined ? `Fields are: ${names.join(', ')}.` : `Did you mean "${near}"?`],
  })
}
