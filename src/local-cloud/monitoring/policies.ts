import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {applyFieldMask, parseFieldMask} from '../wire/field-mask.ts'
import type {PageRequest} from '../wire/paging.ts'
import {authorizedName, authorizedProject, newId, notFound} from './names.ts'
import {checkUnfiltered, pageOf} from './paging.ts'
import {type Policy, mutationBy} from './resources.ts'
import type {MonitoringStore} from './store.ts'

export interface MethodDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly store: MonitoringStore
}

const UPDATABLE = new Set([
  'displayName',
  'documentation',
  'userLabels',
  'conditions',
  'combiner',
  'enabled',
  'notificationChannels',
  'alertStrategy',
  'severity',
])
/** https://cloud.google.com/monitoring/quotas#alerting_quotas */
const MOST_CONDITIONS = 6
const MOST_CHANNELS = 16

/**
 * The methods for alert policies.
 * @param changed called after every change, once it is durable
 */
export function createPolicyMethods({state, clock, access, store}: MethodDependencies, changed: () => void) {
  const existing = (name: string): Policy => {
    const policy = store.policy(name)
    if (!policy) throw notFound(name)
    return policy
  }
  const check = ({displayName = '', combiner, conditions = [], notificationChannels = []}: Policy): void => {
    if (displayName === '') throw invalid('display_name', 'must be set')
    if (combiner === undefined || combiner === 'COMBINE_UNSPECIFIED') throw invalid('combiner', 'must be set')
    if (conditions.length === 0 || conditions.length > MOST_CONDITIONS)
      throw invalid('conditions', `must have 1 to ${MOST_CONDITIONS} conditions`)
    if (notificationChannels.length > MOST_CHANNELS)
      throw invalid('notification_channels', `must have at most ${MOST_CHANNELS} channels`)
    for (const channel of notificationChannels) if (!store.channel(channel)) throw notFound(channel)
  }
  /** Conditions with their names; one that is sent with its name keeps it. */
  const named = (policy: Policy): Policy => ({
    ...policy,
    conditions: (policy.conditions ?? []).map((condition) => ({
      ...condition,
      name: condition.name?.startsWith(`${policy.name}/conditions/`)
        ? condition.name
        : `${policy.name}/conditions/${newId()}`,
    })),
  })
  return {
    async CreateAlertPolicy(
      {name = '', alertPolicy: sent = {}}: {name?: string; alertPolicy?: Partial<Policy>},
      {principal}: Call,
    ): Promise<Policy> {
      const permission = 'monitoring.alertPolicies.create'
      const project = authorizedProject(name, {access, principal, permission})
      const policy = named({
        ...sent,
        name: `${project}/alertPolicies/${newId()}`,
        enabled: sent.enabled ?? true,
        creationRecord: mutationBy(principal, clock),
        mutationRecord: mutationBy(principal, clock),
      })
      await state.write(() => {
        check(policy)
        store.insert(policy)
      })
      changed()
      return policy
    },

    GetAlertPolicy({name = ''}: {name?: string}, {principal}: Call): Policy {
      return existing(authorizedName(name, 'alertPolicies', {access, principal, verb: 'get'}))
    },

    ListAlertPolicies(
      request: {name?: string; filter?: string; orderBy?: string} & PageRequest,
      {principal}: Call,
    ): object {
      const permission = 'monitoring.alertPolicies.list'
      const project = authorizedProject(request.name ?? '', {access, principal, permission})
      checkUnfiltered(request)
      const {items, next} = pageOf(request, (after, limit) => store.policiesOf(project, after, limit))
      return {alertPolicies: items, ...next}
    },

    async UpdateAlertPolicy(
      {alertPolicy: sent = {}, updateMask}: {alertPolicy?: Partial<Policy>; updateMask?: string},
      {principal}: Call,
    ): Promise<Policy> {
      const name = authorizedName(sent.name ?? '', 'alertPolicies', {access, principal, verb: 'update'})
      const paths = parseFieldMask(updateMask ?? [...UPDATABLE].join(','), UPDATABLE)
      const updated = await state.write(() => {
        const current = existing(name)
        const policy = named({
          ...current,
          ...applyFieldMask(current, sent, paths),
          name,
          mutationRecord: mutationBy(principal, clock),
        })
        check(policy)
        store.update(policy)
        return policy
      })
      changed()
      return updated
    },

    async DeleteAlertPolicy({name = ''}: {name?: string}, {principal}: Call): Promise<object> {
      authorizedName(name, 'alertPolicies', {access, principal, verb: 'delete'})
      await state.write(() => store.remove(existing(name).name))
      changed()
      return {}
    },
  }
}

function invalid(field: string, problem: string): ApiError {
  return new ApiError('INVALID_ARGUMENT', `Field alert_policy.${field} ${problem}.`)
}
