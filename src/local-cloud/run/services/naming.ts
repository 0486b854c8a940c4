import {randomInt} from 'node:crypto'
import type {Image} from '../../artifact-registry/images.ts'
import {byDigest, parseReference} from '../../artifact-registry/reference.ts'
import {type RevisionTemplate, shortName} from '../resources.ts'

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz0123456789'

/** Equal for templates that mean the same: Terraform sends environment variables in no order of its own. */
export function canonicalTemplate({revision: _name, ...template}: RevisionTemplate): string {
  const containers = template.containers?.map((container) => ({
    ...container,
    ...(container.env
      ? {env: container.env.toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))}
      : {}),
  }))
  return JSON.stringify(sorted({...template, containers}))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, entry]) => [key, sorted(entry)]),
  )
}

/** Revisions name their image by digest, whatever tag it was deployed by. */
export function pinned(reference: string, image: Image | undefined): string {
  const parsed = parseReference(reference)
  return image === undefined || parsed === undefined ? reference : byDigest(parsed, image.digest)
}

/** Name of a service's revision whose user gave it none, e.g. `worker-00001-abc`. */
export function generatedName(service: string, number: number): string {
  return `${shortName(service)}-${String(number).padStart(5, '0')}-${generatedSuffix(3)}`
}

/** Letters that tell one revision or execution from another. */
export function generatedSuffix(length: number): string {
  return Array.from({length}, () => SUFFIX_LETTERS[randomInt(SUFFIX_LETTERS.length)]).join('')
}
