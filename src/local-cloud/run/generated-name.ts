import {randomInt} from 'node:crypto'
import {shortName} from './resources.ts'

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz0123456789'

/** Name of a revision whose user gave it none, e.g. `worker-00001-abc`. */
export function generatedName(service: string, number: number): string {
  return `${shortName(service)}-${String(number).padStart(5, '0')}-${generatedSuffix(3)}`
}

/** Random letters that distinguish revisions or executions. */
export function generatedSuffix(length: number): string {
  return Array.from({length}, () => SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]).join('')
}
