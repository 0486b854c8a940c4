import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import {applyFieldMask, parseFieldMask} from '../wire/field-mask.ts'
import type {PageRequest} from '../wire/paging.ts'
import {authorizedName, authorizedProject, newId, notFound} from './names.ts'
import {checkUnfiltered, pageOf} from './paging.ts'
import type {MethodDependencies} from './policies.ts'
import {type Channel, mutationBy} from './resources.ts'

/** The types that are served, each with the label that it needs. */
const LABEL_OF = new Map([
  ['email', 'email_address'],
  ['webhook_tokenauth', 'url'],
  ['slack', 'channel_name'],
])
const UPDATABLE = new Set(['type', 'displayName', 'description', 'labels', 'userLabels', 'enabled'])

/** The methods for notification channels. */
export function createChannelMethods({state, clock, access, store}: MethodDependencies) {
  const existing = (name: string): Channel => {
    const channel = store.channel(name)
    if (!channel) throw notFound(name)
    return channel
  }
  return {
    async CreateNotificationChannel(
      {name = '', notificationChannel: sent = {}}: {name?: string; notificationChannel?: Partial<Channel>},
      {principal}: Call,
    ): Promise<Channel> {
      const permission = 'monitoring.notificationChannels.create'
      const project = authorizedProject(name, {access, principal, permission})
      const channel: Channel = {
        ...sent,
        name: `${project}/notificationChannels/${newId()}`,
        type: sent.type ?? '',
        enabled: sent.enabled ?? true,
        creationRecord: mutationBy(principal, clock),
        mutationRecords: [mutationBy(principal, clock)],
      }
      check(channel)
      await state.write(() => store.insert(channel))
      return channel
    },

    GetNotificationChannel({name = ''}: {name?: string}, {principal}: Call): Channel {
      return existing(authorizedName(name, 'notificationChannels', {access, principal, verb: 'get'}))
    },

    ListNotificationChannels(
      request: {name?: string; filter?: string; orderBy?: string} & PageRequest,
      {principal}: Call,
    ): object {
      const permission = 'monitoring.notificationChannels.list'
      const project = authorizedProject(request.name ?? '', {access, principal, permission})
      checkUnfiltered(request)
      const {items, next} = pageOf(request, (after, limit) => store.channels(project, after, limit))
      return {notificationChannels: items, ...next}
    },

    async UpdateNotificationChannel(
      {
        notificationChannel: sent = {},
        updateMask,
      }: {notificationChannel?: Partial<Channel>; updateMask?: string},
      {principal}: Call,
    ): Promise<Channel> {
      const verb = 'update'
      const name = authorizedName(sent.name ?? '', 'notificationChannels', {access, principal, verb})
      const paths = parseFieldMask(updateMask ?? [...UPDATABLE].join(','), UPDATABLE)
      return state.write(() => {
        const current = existing(name)
        const changed: Channel = {
          ...current,
          ...applyFieldMask(current, sent, paths),
          name,
          mutationRecords: [...current.mutationRecords.slice(-9), mutationBy(principal, clock)],
        }
        check(changed)
        store.update(changed)
        return changed
      })
    },

    async DeleteNotificationChannel(
      {name = '', force = false}: {name?: string; force?: boolean},
      {principal}: Call,
    ): Promise<object> {
      authorizedName(name, 'notificationChannels', {access, principal, verb: 'delete'})
      await state.write(() => {
        existing(name)
        for (const policy of store.policies()) {
          const others = policy.notificationChannels?.filter((channel) => channel !== name)
          if (others === undefined || others.length === policy.notificationChannels?.length) continue
          if (!force)
            throw new ApiError(
              'FAILED_PRECONDITION',
              `The notification channel '${name}' is used by the alert policy '${policy.name}'. Remove it there first, or delete it with force.`,
            )
          store.update({...policy, notificationChannels: others})
        }
        store.remove(name)
      })
      return {}
    },
  }
}

/** @throws ApiError UNIMPLEMENTED for a type that is not served, INVALID_ARGUMENT without the label it needs */
function check({type, labels = {}}: Channel): void {
  const label = LABEL_OF.get(type)
  if (label === undefined)
    throw new ApiError(
      'UNIMPLEMENTED',
      `Notification channels of type "${type}" are not served by the local cloud. Served types: ${[...LABEL_OF.keys()].join(', ')}.`,
    )
  if (!labels[label])
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Field 'notification_channel.labels' is missing the required label '${label}'.`,
    )
  if (label === 'url' && !URL.canParse(labels[label]))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Field 'notification_channel.labels[url]' is not a URL: '${labels[label]}'.`,
    )
}
