import type {RevisionTemplate} from '../resources.ts'

/** Equal for templates that mean the same: Terraform sends environment variables in any order. */
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
