import type {PlanResult} from '../core/plan.ts'
import type {PlannedResource} from '../core/ports/infrastructure.ts'
import {counted, style} from './format.ts'
import {pairs} from './table.ts'

const SIGNS = {create: '+', update: '~', replace: '±', delete: '-', none: ' '} as const
const WORDS = {
  create: 'to create',
  update: 'to change',
  replace: 'to delete, with its contents, and create again',
  delete: 'to delete',
} as const

/** What `setup` would do: resources, and who may do what. */
export function showPlan({resources, changes, withoutEffect, warnings}: PlanResult): string[] {
  const notes = [
    ...(withoutEffect.length === 0
      ? []
      : [`Stored, but without effect on the local target: ${withoutEffect.join(', ')}.`]),
    ...warnings.map((warning) => style('yellow', warning)),
  ]
  if (changes === 0)
    return [`Nothing to change: all ${counted(resources.length, 'resource')} are up to date.`, ...notes]
  const changed = resources.filter(({action}) => action !== 'none')
  const things = changed.filter(({grant}) => grant === undefined)
  const unchanged = resources.length - changed.length
  return [
    ...section('Resources', things, ({name}) => name),
    ...section(
      'Roles, each on that resource alone',
      changed.filter(({grant}) => grant !== undefined),
      ({grant}) =>
        grant === undefined
          ? ''
          : `${grant.role} on ${grant.on.kind} ${grant.on.name}: ${grant.member.replace(/^serviceAccount:/, '')}`,
    ),
    summary(changed, unchanged),
    ...notes,
  ]
}

function section(
  title: string,
  resources: readonly PlannedResource[],
  value: (resource: PlannedResource) => string,
): string[] {
  if (resources.length === 0) return []
  const lines = resources.map((resource) => ({
    label: `  ${SIGNS[resource.action]} ${resource.kind}`,
    value: value(resource),
  }))
  return [`${title}:`, ...pairs(lines), '']
}

function summary(changed: readonly PlannedResource[], unchanged: number): string {
  const actions = ['create', 'update', 'replace', 'delete'] as const
  const parts = actions.flatMap((action) => {
    const count = changed.filter((resource) => resource.action === action).length
    return count === 0 ? [] : [`${SIGNS[action]} ${count} ${WORDS[action]}`]
  })
  return [...parts, ...(unchanged > 0 ? [`${unchanged} unchanged`] : [])].join(', ')
}
