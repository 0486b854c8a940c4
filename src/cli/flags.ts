import {Flags, type Interfaces} from '@oclif/core'

import {parseDuration} from '../core/settings/duration.ts'
import {flagName} from '../core/settings/setting-names.ts'
import {SETTING_NAMES, SETTINGS} from '../core/settings/settings.ts'
import {usageError} from './failure.ts'
import type {SettingFlags} from './targets.ts'

/** A flag such as `--timeout 5m`; its value is in milliseconds. */
export const durationFlag = Flags.custom<number>({
  helpValue: '<duration>',
  parse(text, _context, flag) {
    const ms = parseDuration(text)
    if (ms === undefined || ms === 0) {
      throw usageError(`--${flag.name} is "${text}"; it must be a duration such as 30s, 5m or 2h.`, [
        `For example: --${flag.name} 5m`,
      ])
    }
    return Promise.resolve(ms)
  },
})

/** A flag such as `--canary 10`: a whole number of `min` or more, up to `max` if there is one. */
export const wholeNumberFlag = Flags.custom<number, {min: number; max?: number}>({
  helpValue: '<n>',
  parse(text, _context, {name, min, max}) {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > (max ?? Number.MAX_SAFE_INTEGER)) {
      const range = max === undefined ? `of ${min} or more` : `from ${min} to ${max}`
      throw usageError(`--${name} is "${text}"; it must be a whole number ${range}.`, [
        `For example: --${name} ${Math.max(min, 10)}`,
      ])
    }
    return Promise.resolve(value)
  },
})

/** A flag such as `--fail-on-drift 0.25`: a number above 0. */
export const positiveFlag = Flags.custom<number>({
  parse(text, _context, flag) {
    const value = Number(text)
    if (!(value > 0 && Number.isFinite(value))) {
      throw usageError(`--${flag.name} is "${text}"; it must be a number above 0.`, [
        `For example: --${flag.name} 0.25`,
      ])
    }
    return Promise.resolve(value)
  },
})

/** `--confirm`, for every command that changes a pipeline. */
export const confirmFlag = Flags.string({
  summary: "The pipeline's name, to skip the confirmation prompt.",
  helpValue: '<name>',
})

/** The flags of the settings that `setup` takes, by name. */
export function settingFlags(): Interfaces.FlagInput {
  return Object.fromEntries(
    SETTING_NAMES.flatMap((name) => {
      const {flag: helpValue, description: summary} = SETTINGS[name]
      if (helpValue === undefined) return []
      const shown = {summary, helpValue}
      const flag =
        'combine' in SETTINGS[name]
          ? Flags.string({...shown, multiple: true, multipleNonGreedy: true})
          : Flags.string(shown)
      return [[flagName(name).slice(2), flag]]
    }),
  )
}

/** The settings among a command's flags. @param flags as oclif parsed them */
export function givenSettings(flags: Readonly<Record<string, unknown>>): SettingFlags {
  return Object.fromEntries(
    SETTING_NAMES.flatMap((name) => {
      const value = SETTINGS[name].flag === undefined ? undefined : flags[flagName(name).slice(2)]
      if (Array.isArray(value)) return [[name, value.join('\n')]]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )
}

/** `--billing-account`. https://cloud.google.com/billing/docs/how-to/find-billing-account-id */
export function billingAccountFlag() {
  return Flags.string({
    summary: 'Billing account for the new project; optional if you have only one.',
    helpValue: '<id>',
    dependsOn: ['create-project'],
    async parse(given) {
      const id = given.replace(/^billingAccounts\//, '').toUpperCase()
      if (/^[0-9A-F]{6}(?:-[0-9A-F]{6}){2}$/.test(id)) return id
      throw usageError(`--billing-account is "${given}"; it must look like 012345-6789AB-CDEF01.`, [
        'List your accounts: gcloud billing accounts list',
      ])
    },
  })
}
