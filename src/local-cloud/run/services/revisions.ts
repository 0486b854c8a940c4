import type {AccessControl} from '../../iam/access.ts'
import type {Operations} from '../../operations/operations.ts'
import type {State} from '../../state/state.ts'
import {ApiError} from '../../wire/api-error.ts'
import type {Call} from '../../wire/call.ts'
import type {Clock} from '../../wire/clock.ts'
import type {PageRequest} from '../../wire/paging.ts'
import type {RpcService} from '../../wire/rpc.ts'
import {type ChangeRequest, requireEtag} from '../etag.ts'
import type {Fleet} from '../capacity/fleet.ts'
import {found} from '../found.ts'
import {page} from '../paging.ts'
import {locationOf, shortName} from '../resources.ts'
import type {RunStore, StoredRevision} from '../store.ts'
import {validated} from '../validated.ts'

export interface RevisionsDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly operations: Operations
  readonly store: RunStore
  readonly fleet: Pick<Fleet, 'drop'>
}

const REVISION_TYPE = 'google.cloud.run.v2.Revision'

/** The methods of google.cloud.run.v2.Revisions. */
export type RevisionsApi = ReturnType<typeof createRevisions>['unary']

/** google.cloud.run.v2.Revisions. */
export function createRevisions({state, clock, access, operations, store, fleet}: RevisionsDependencies) {
  const find = (name: string): StoredRevision => found(store.revision(name), 'REVISION', name)
  const requireRetired = ({revision}: StoredRevision): void => {
    const service = store.service(revision.service)
    const short = shortName(revision.name)
    const serves = (service?.status.trafficStatuses ?? []).some((status) => status.revision === short)
    if (
      serves ||
      service?.status.latestCreatedRevision === revision.name ||
      service?.status.latestReadyRevision === revision.name
    ) {
      throw new ApiError(
        'FAILED_PRECONDITION',
        `Revision '${short}' cannot be deleted: it serves traffic or is the latest one.`,
      )
    }
  }
  return {
    service: 'google.cloud.run.v2.Revisions',
    unary: {
      GetRevision: ({name = ''}: {name?: string}, call: Call) => {
        access.require(call.principal, 'run.revisions.get', serviceOf(name))
        return find(name).revision
      },
      ListRevisions: ({parent = '', ...paging}: {parent?: string} & PageRequest, call: Call) => {
        access.require(call.principal, 'run.revisions.list', parent)
        return page('revisions', paging, (limit, offset) =>
          store.revisions(parent, limit, offset).map(({revision}) => revision),
        )
      },
      DeleteRevision: async ({name = '', validateOnly, etag}: ChangeRequest, call: Call) => {
        access.require(call.principal, 'run.revisions.delete', serviceOf(name))
        const {revision} = await state.write(() => {
          const stored = find(name)
          requireEtag(name, stored.revision.etag, etag)
          requireRetired(stored)
          if (validateOnly !== true) store.removeRevision(name)
          return stored
        })
        const deleted = {...revision, deleteTime: new Date(clock.now()).toISOString()}
        if (validateOnly === true) return validated(name, REVISION_TYPE, deleted)
        return operations.run(
          {parent: locationOf(name), type: REVISION_TYPE, metadata: deleted},
          async () => {
            await fleet.drop([name])
            return deleted
          },
        )
      },
    },
  } satisfies RpcService
}

/** Roles are granted on services; revisions have no policy of their own. */
function serviceOf(revision: string): string {
  return revision.replace(/\/revisions\/[^/]+$/, '')
}
