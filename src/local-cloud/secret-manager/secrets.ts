import type {AccessControl} from '../iam/access.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import {applyFieldMask, parseFieldMask} from '../wire/field-mask.ts'
import type {PageRequest} from '../wire/paging.ts'
import {newEtag, requireEtag} from './etag.ts'
import type {Lookup} from './lookup.ts'
import {checkSecretId, parseParent, parseSecretName} from './names.ts'
import {newestFirst} from './paging.ts'
import type {Secret, SentSecret} from './resources.ts'
import {checkAliases, checkReplication, checkSettings, expireTimeOf} from './secret-settings.ts'
import type {SecretStore} from './store.ts'

const UPDATABLE = new Set([
  'labels',
  'annotations',
  'expireTime',
  'ttl',
  'versionAliases',
  'versionDestroyTtl',
  'topics',
  'rotation',
])

export interface SecretDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly store: SecretStore
  readonly lookup: Lookup
  /** Called after a change of what expires when. */
  readonly onSchedule: () => void
}

/** The methods for secrets; what they keep secret is in their versions. */
export function createSecretMethods({state, clock, access, store, lookup, onSchedule}: SecretDependencies) {
  return {
    async CreateSecret(
      request: {parent?: string; secretId?: string; secret?: SentSecret},
      {principal}: Call,
    ): Promise<Secret> {
      const project = lookup.projectId(parseParent(request.parent))
      access.require(principal, 'secretmanager.secrets.create', `projects/${project}`)
      const parent = lookup.parent(project)
      const sent = request.secret ?? {}
      checkSettings(sent)
      checkAliases(sent.versionAliases ?? {}, () => false)
      const expireTime = expireTimeOf(sent, clock.now())
      const secret: Secret = {
        name: `${parent}/secrets/${checkSecretId(request.secretId ?? '')}`,
        replication: checkReplication(sent.replication),
        createTime: new Date(clock.now()).toISOString(),
        ...(sent.labels === undefined ? {} : {labels: sent.labels}),
        ...(sent.annotations === undefined ? {} : {annotations: sent.annotations}),
        ...(expireTime === undefined ? {} : {expireTime}),
        ...(sent.versionDestroyTtl === undefined ? {} : {versionDestroyTtl: sent.versionDestroyTtl}),
        etag: newEtag(),
      }
      await state.write(() => {
        if (store.secret(secret.name))
          throw new ApiError('ALREADY_EXISTS', `Secret [${secret.name}] already exists.`)
        store.insert(secret, parent, project)
      })
      onSchedule()
      return secret
    },

    GetSecret({name}: {name?: string}, {principal}: Call): Secret {
      return lookup.secret(principal, 'secretmanager.secrets.get', parseSecretName(name)).resource
    },

    ListSecrets(request: {parent?: string; filter?: string} & PageRequest, {principal}: Call): object {
      const project = lookup.projectId(parseParent(request.parent))
      access.require(principal, 'secretmanager.secrets.list', `projects/${project}`)
      const parent = lookup.parent(project)
      const {items, next} = newestFirst(
        request,
        (before) => store.secrets(parent, before),
        ({key}) => key,
      )
      return {
        secrets: items.map(({resource}) => resource),
        ...next,
        ...(request.filter ? {} : {totalSize: store.count(parent)}),
      }
    },

    async UpdateSecret(
      {secret: sent = {}, updateMask}: {secret?: SentSecret; updateMask?: string},
      {principal}: Call,
    ): Promise<Secret> {
      const name = parseSecretName(sent.name)
      lookup.secret(principal, 'secretmanager.secrets.update', name)
      const paths = parseFieldMask(updateMask, UPDATABLE)
      checkSettings(sent)
      const updated = await state.write(() => {
        const {key, resource} = lookup.secret(principal, 'secretmanager.secrets.update', name)
        requireEtag(resource, sent.etag)
        const changed = withExpiration(resource, sent, paths, clock.now())
        checkAliases(
          changed.versionAliases ?? {},
          (version) => store.version(key, Number(version)) !== undefined,
        )
        store.update(key, changed)
        return changed
      })
      onSchedule()
      return updated
    },

    async DeleteSecret({name, etag}: {name?: string; etag?: string}, {principal}: Call): Promise<object> {
      const given = parseSecretName(name)
      await state.write(() => {
        const {key, resource} = lookup.secret(principal, 'secretmanager.secrets.delete', given)
        requireEtag(resource, etag)
        access.dropPolicy(lookup.policyName(given))
        store.remove(key)
      })
      onSchedule()
      return {}
    },
  }
}

/** A secret with the fields of a mask taken from `sent`; `ttl` and `expireTime` are one field. */
function withExpiration(current: Secret, sent: SentSecret, paths: readonly string[][], now: number): Secret {
  const {expireTime: _sent, ttl: _input, ...settings} = applyFieldMask(current, sent, paths)
  const expires = paths.some(([field]) => field === 'expireTime' || field === 'ttl')
    ? expireTimeOf(sent, now)
    : current.expireTime
  const {name, replication, createTime} = current
  return {
    ...settings,
    name,
    replication,
    createTime,
    ...(expires === undefined ? {} : {expireTime: expires}),
    etag: newEtag(),
  }
}
