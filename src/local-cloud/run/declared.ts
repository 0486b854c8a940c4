import type {AccessControl} from '../iam/access.ts'
import {policyMethods} from '../iam/policy-methods.ts'
import type {Operation, Operations} from '../operations/operations.ts'
import type {State} from '../state/state.ts'
import {isRegion} from '../regions.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {type ChangeRequest, requireEtag} from './etag.ts'
import {found} from './found.ts'
import {withoutOutput} from './output-only.ts'
import {deleted, locationOf, type ResourceStatus, shortName} from './resources.ts'
import {validated} from './validated.ts'
import {violation} from './violation.ts'

/** Services or jobs: resources that users declare and Cloud Run reconciles. */
export interface Kind<Sent, Stored> {
  readonly noun: 'service' | 'job'
  /** Full name of the message, e.g. `google.cloud.run.v2.Service`. */
  readonly type: string
  read(name: string): Stored | undefined
  /** The resource as clients see it. */
  show(stored: Stored): Sent
  /** @throws ApiError INVALID_ARGUMENT */
  validateId(id: string): void
  /**
   * Validates and completes what a user sets, without writing anything.
   * @throws ApiError INVALID_ARGUMENT, UNIMPLEMENTED
   */
  prepare(name: string, spec: Partial<Sent>): Prepared<Stored>
  /** Reconciles what is stored. @returns the resource after that */
  reconcile(name: string): Promise<object>
  /** Removes the rows, inside `State.write`. @returns a function that ends the rest */
  remove(name: string): () => Promise<void>
}

interface Prepared<Stored> {
  /** Email of the account that it runs as. */
  readonly serviceAccount: string | undefined
  /** Works out the next state; `save` writes it, inside `State.write`. */
  readonly plan: (before: Stored | undefined, modifier: string) => {resource: object; save: () => void}
}

export interface DeclaredDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly operations: Operations
}

/** How both services and jobs are found, created, updated and deleted. */
export function createDeclared<
  Sent extends {name: string; etag?: string},
  Stored extends {status: ResourceStatus},
>({state, clock, access, operations}: DeclaredDependencies, kind: Kind<Sent, Stored>) {
  const {noun, type} = kind
  const collection = `${noun}s`

  const find = (name: string): Stored => found(kind.read(name), noun.toUpperCase(), name)
  const put = async (
    name: string,
    spec: Partial<Sent>,
    {principal}: Call,
    check: () => Stored | undefined,
    validateOnly = false,
  ): Promise<Operation> => {
    const {serviceAccount, plan} = kind.prepare(name, spec)
    const [, project] = name.split('/')
    access.require(
      principal,
      'iam.serviceAccounts.actAs',
      `projects/${project}/serviceAccounts/${serviceAccount}`,
    )
    if (validateOnly) return validated(name, type, plan(check(), principal).resource)
    const metadata = await state.write(() => {
      const {resource, save} = plan(check(), principal)
      save()
      return resource
    })
    return operations.run({parent: locationOf(name), type, metadata}, () => kind.reconcile(name))
  }
  const create = (name: string, sent: Sent, call: Call, validateOnly?: boolean): Promise<Operation> => {
    access.require(call.principal, `run.${collection}.create`, locationOf(name))
    const mustBeNew = (): undefined => {
      if (kind.read(name))
        throw new ApiError('ALREADY_EXISTS', `Resource '${shortName(name)}' already exists.`)
    }
    mustBeNew()
    return put(name, withoutOutput(sent), call, mustBeNew, validateOnly)
  }

  return {
    get(name: string, call: Call): Sent {
      access.require(call.principal, `run.${collection}.get`, name)
      return kind.show(find(name))
    },
    find,
    create(parent: string, id: string, sent: Sent | undefined, call: Call, validateOnly?: boolean) {
      validateParent(parent)
      if (!sent) throw violation(noun, 'is required')
      kind.validateId(id)
      return create(`${parent}/${collection}/${id}`, sent, call, validateOnly)
    },
    /** @param next computes what to set from what is stored and what was sent */
    update(
      sent: Sent | undefined,
      {validateOnly, allowMissing}: {validateOnly?: boolean; allowMissing?: boolean},
      call: Call,
      next: (stored: Stored, spec: Partial<Sent>) => Partial<Sent> = (_stored, spec) => spec,
    ): Promise<Operation> {
      const name = sent?.name ?? ''
      if (!sent || !new RegExp(`^projects/[^/]+/locations/[^/]+/${collection}/[^/]+$`).test(name))
        throw new ApiError(
          'INVALID_ARGUMENT',
          `Invalid ${noun}.name "${name}": it must be projects/PROJECT/locations/LOCATION/${collection}/${noun.toUpperCase()}.`,
        )
      if (allowMissing === true && !kind.read(name)) {
        validateParent(locationOf(name))
        kind.validateId(shortName(name))
        return create(name, sent, call, validateOnly)
      }
      access.require(call.principal, `run.${collection}.update`, name)
      const current = (): Stored => {
        const stored = find(name)
        requireEtag(name, stored.status.etag, sent.etag)
        return stored
      }
      return put(name, next(current(), withoutOutput(sent)), call, current, validateOnly)
    },
    async remove({name = '', validateOnly, etag}: ChangeRequest, call: Call): Promise<Operation> {
      access.require(call.principal, `run.${collection}.delete`, name)
      const stored = find(name)
      requireEtag(name, stored.status.etag, etag)
      const resource = deleted(kind.show(stored), clock.now())
      if (validateOnly === true) return validated(name, type, resource)
      const end = await state.write(() => {
        requireEtag(name, find(name).status.etag, etag)
        const ending = kind.remove(name)
        access.dropPolicy(name)
        return ending
      })
      return operations.run({parent: locationOf(name), type, metadata: resource}, async () => {
        await end()
        return resource
      })
    },
    policies: policyMethods(access, () => `run.${collection}`, find),
  }
}

/** @throws ApiError INVALID_ARGUMENT if services or jobs cannot be created in `parent` */
function validateParent(parent: string): void {
  const {location} = /^projects\/[^/]+\/locations\/(?<location>[^/]+)$/.exec(parent)?.groups ?? {}
  if (location === undefined)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid parent "${parent}": it must be projects/PROJECT/locations/LOCATION.`,
    )
  if (!isRegion(location))
    throw new ApiError(
      'PERMISSION_DENIED',
      `Permission denied on 'locations/${location}' (or it may not exist).`,
    )
}
