import {randomUUID} from 'node:crypto'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import {applyFieldMask, parseFieldMask} from '../wire/field-mask.ts'
import type {PageRequest} from '../wire/paging.ts'
import type {RpcService} from '../wire/rpc.ts'
import {checkProjectName, parseSnapshotName, parseSubscriptionName} from './names.ts'
import {pageByName} from './paging.ts'
import type {StoredSubscription} from './resource-store.ts'
import type {Subscription} from './resources.ts'
import type {SubscriptionAdminDependencies} from './subscription-admin.ts'

const HOUR_MS = 3_600_000
const LONGEST_MS = 7 * 24 * HOUR_MS
const UPDATABLE = new Set(['expireTime', 'labels'])

interface Snapshot {
  name?: string
  expireTime?: string
  labels?: Record<string, string>
}

const shown = ({resource: {name, topic, expireTime, labels}}: StoredSubscription): object => ({
  name,
  topic,
  expireTime,
  ...(labels === undefined ? {} : {labels}),
})

/** The methods of google.pubsub.v1.Subscriber that manage snapshots. */
export function createSnapshots({
  state,
  clock,
  access,
  resources,
  messages,
}: SubscriptionAdminDependencies): RpcService['unary'] {
  const find = (name: string, {principal}: Call, permission: string): StoredSubscription => {
    parseSnapshotName(name)
    access.require(principal, `pubsub.snapshots.${permission}`, name)
    return resources.snapshot(name, clock.now())
  }

  /** When a snapshot of a backlog expires at the latest. @param key of the snapshot's or the subscription's row */
  const latestExpireTime = (key: number): number =>
    (messages.oldestPublishTime(key) ?? clock.now()) + LONGEST_MS

  /** @param key the snapshot's row */
  const checkExpireTime = (expireTime: string | undefined, key: number): void => {
    const latest = latestExpireTime(key)
    const time = Date.parse(expireTime ?? '')
    if (!(time > clock.now() && time <= latest))
      throw new ApiError(
        'INVALID_ARGUMENT',
        `Invalid expire_time: ${expireTime ?? ''} is not between now and ${new Date(latest).toISOString()}, 7 days after the oldest unacknowledged message.`,
      )
  }

  return {
    CreateSnapshot(request: Snapshot & {subscription?: string}, {principal}: Call) {
      const from = request.subscription ?? ''
      const within = parseSubscriptionName(from).project
      const {name = `${within}/snapshots/s-${randomUUID()}`, labels} = request
      const {project, id} = parseSnapshotName(name)
      access.require(principal, 'pubsub.snapshots.create', project)
      access.require(principal, 'pubsub.subscriptions.consume', from)
      return state.write(() => {
        const {key, topic, resource} = resources.subscription(from)
        if (resources.findSubscription(name) !== undefined)
          throw new ApiError('ALREADY_EXISTS', `Resource already exists in the project (resource=${id}).`)
        const expires = latestExpireTime(key)
        if (topic === undefined || expires - clock.now() < HOUR_MS)
          throw new ApiError(
            'FAILED_PRECONDITION',
            topic === undefined
              ? `The subscription has no topic (resource=${from}).`
              : 'The snapshot would expire in less than 1 hour: the oldest unacknowledged message is too old.',
          )
        const snapshot = {
          name,
          topic: resource.topic,
          expireTime: new Date(expires).toISOString(),
          ...(labels === undefined ? {} : {labels}),
          ...(resource.filter === undefined ? {} : {filter: resource.filter}),
        }
        const created = resources.insertSubscription(topic, snapshot)
        messages.copyBacklog(created, key)
        return shown({key: created, topic, resource: snapshot})
      })
    },

    GetSnapshot: ({snapshot = ''}: {snapshot?: string}, call: Call) => shown(find(snapshot, call, 'get')),

    ListSnapshots(request: {project?: string} & PageRequest, {principal}: Call) {
      const project = checkProjectName(request.project)
      access.require(principal, 'pubsub.snapshots.list', project)
      const {items, next} = pageByName(request, (after, limit) =>
        resources.subscriptions(`${project}/snapshots`, after, limit),
      )
      return {snapshots: items.map(shown), ...next}
    },

    UpdateSnapshot(
      {snapshot: update = {}, updateMask}: {snapshot?: Snapshot; updateMask?: string},
      call: Call,
    ) {
      const paths = parseFieldMask(updateMask, UPDATABLE)
      return state.write(() => {
        const {key, topic, resource} = find(update.name ?? '', call, 'update')
        const next: Subscription = {
          ...applyFieldMask(resource, update, paths),
          name: resource.name,
          topic: resource.topic,
        }
        if (paths.some(([field]) => field === 'expireTime')) checkExpireTime(next.expireTime, key)
        resources.updateSubscription(key, next)
        return shown({key, topic, resource: next})
      })
    },

    DeleteSnapshot({snapshot = ''}: {snapshot?: string}, call: Call) {
      return state.write(() => {
        resources.deleteSubscription(find(snapshot, call, 'delete').key)
        access.dropPolicy(snapshot)
        return {}
      })
    },
  }
}
