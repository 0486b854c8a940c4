import type {SettingName} from './settings.ts'

/** Rules over two settings: the first is below the second or, unless `strict`, equal to it. */
export const ORDERED = [
  {
    lower: 'requestTimeout',
    upper: 'ackDeadline',
    strict: true,
    why: 'otherwise a file is delivered again while it is still being processed',
  },
  {
    lower: 'minimumBackoff',
    upper: 'maximumBackoff',
    strict: false,
    why: 'it is the shorter of the two waits',
  },
  {lower: 'minInstances', upper: 'maxInstances', strict: false, why: 'an instance that stays ready counts'},
] as const satisfies readonly {lower: SettingName; upper: SettingName; strict: boolean; why: string}[]
