import {AppError} from '../../core/errors.ts'
import type {Grant as PlannedGrant} from '../../core/ports/infrastructure.ts'
import type {Json, Rest, RestService} from '../rest.ts'
import {satisfies} from './difference.ts'
import {withLabels} from './labels.ts'
import {addGrant, isGranted, removeGrant, type Grant} from './grants.ts'

export interface Doing {
  readonly signal: AbortSignal
  readonly step: (text: string) => void
}

/** One resource of the pipeline: how to inspect, create, update and remove it. */
export interface Resource {
  /** Google's word for it. */
  readonly kind: string
  readonly name: string
  readonly grant?: PlannedGrant
  /** `undefined` if it does not exist. */
  inspect(): Promise<'right' | 'different' | undefined>
  create(doing: Doing): Promise<void>
  update(doing: Doing): Promise<void>
  /** Absent: it is deleted with its parent. @returns whether it existed */
  readonly remove?: (doing: Doing) => Promise<boolean>
}

/** A resource that is one REST path: GET, create, PATCH and DELETE. */
export function restResource(
  rest: Rest,
  row: {
    kind: string
    name: string
    service: RestService
    path: string
    /** The wanted body; a function of the current one if part of that must not change. */
    wanted: Json | ((current?: Json) => Json)
    /** @param body the wanted one */
    create: (body: Json, doing: Doing) => Promise<unknown>
    /** @param body the wanted one, with labels of others */
    update?: (body: Json, current: Json, doing: Doing) => Promise<unknown>
    beforeRemoval?: (doing: Doing) => Promise<unknown>
    afterRemoval?: (answer: Json, doing: Doing) => Promise<unknown>
  },
): Resource {
  let current: Json | undefined
  const wanted = () => (typeof row.wanted === 'function' ? row.wanted(current) : row.wanted)
  return {
    kind: row.kind,
    name: row.name,
    async inspect() {
      current = await rest.get(row.service, row.path)
      if (current === undefined) return undefined
      return row.update === undefined || satisfies(current, wanted()) ? 'right' : 'different'
    },
    async create(doing) {
      await row.create(withLabels(wanted()), doing)
    },
    async update(doing) {
      await row.update?.(withLabels(wanted(), current), current ?? {}, doing)
    },
    async remove(doing) {
      for (let attempt = 1; ; attempt++) {
        if ((await rest.get(row.service, row.path)) === undefined) return attempt > 1
        doing.step(`Delete ${row.kind} ${row.name}`)
        try {
          await row.beforeRemoval?.(doing)
          const answer = await rest.delete(row.service, row.path)
          if (answer !== undefined) await row.afterRemoval?.(answer, doing)
          return true
        } catch (error) {
          // Something was written to the bucket after it was emptied.
          const isFilled =
            row.beforeRemoval !== undefined && error instanceof AppError && error.code === 'conflict'
          if (!isFilled || attempt === 3) throw error
        }
      }
    },
  }
}

/** @param outlives whether what it is on outlives the pipeline, so that the grant has to be removed by itself */
export function grantResource(rest: Rest, grant: Grant, outlives = false): Resource {
  return {
    kind: 'grant',
    name: `${grant.role} on ${grant.on.kind} ${grant.on.name} to ${grant.member}`,
    grant: {role: grant.role, member: grant.member, on: {kind: grant.on.kind, name: grant.on.name}},
    inspect: async () => ((await isGranted(rest, grant)) ? 'right' : undefined),
    create: () => addGrant(rest, grant),
    update: async () => {},
    ...(outlives ? {remove: () => removeGrant(rest, grant)} : {}),
  }
}

/** A grant that takes the place of the same member's `former` one, which earlier settings needed. */
export function replacingGrant(rest: Rest, grant: Grant, former: Grant, outlives: boolean): Resource {
  const resource = grantResource(rest, grant, outlives)
  const replace = async (): Promise<void> => {
    await addGrant(rest, grant)
    await removeGrant(rest, former)
  }
  return {
    ...resource,
    async inspect() {
      const found = await resource.inspect()
      return found === 'right' && (await isGranted(rest, former)) ? 'different' : found
    },
    create: replace,
    update: replace,
  }
}
