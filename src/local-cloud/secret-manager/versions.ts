import {crc32c} from '@node-rs/crc32'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Call, Principal} from '../wire/call.ts'
import type {Clock} from '../wire/clock.ts'
import type {PageRequest} from '../wire/paging.ts'
import {newEtag, requireEtag} from './etag.ts'
import type {Lookup} from './lookup.ts'
import {parseSecretName, parseVersionName} from './names.ts'
import {newestFirst} from './paging.ts'
import type {Replication, SecretVersion} from './resources.ts'
import type {SecretStore, StoredSecret} from './store.ts'

/** https://cloud.google.com/secret-manager/quotas#content_limits */
const LARGEST_PAYLOAD_BYTES = 64 * 1024

export interface VersionDependencies {
  readonly state: State
  readonly clock: Clock
  readonly store: SecretStore
  readonly lookup: Lookup
  /** Called after a change of what is destroyed when. */
  readonly onSchedule: () => void
}

interface VersionRequest {
  name?: string
  etag?: string
}

/** The methods for versions. Payloads appear in the answers of `AccessSecretVersion` and nowhere else. */
export function createVersionMethods({state, clock, store, lookup, onSchedule}: VersionDependencies) {
  const now = (): string => new Date(clock.now()).toISOString()

  /** The payload of an enabled version. @throws ApiError */
  const access = (requested: string | undefined, principal: Principal): {name: string; data: Buffer} => {
    const given = parseVersionName(requested)
    const secret = lookup.secret(principal, 'secretmanager.versions.access', given)
    const {number, resource} = lookup.version(secret, given.version)
    if (resource.state !== 'ENABLED') throw wrongState(resource)
    const data = store.payload(secret.key, number)
    if (!data) throw new ApiError('DATA_LOSS', `The payload of [${resource.name}] is missing from the state.`)
    return {name: resource.name, data}
  }

  /** Changes the state of a version that is not destroyed. @param change the next state */
  const changeState = async (
    verb: 'enable' | 'disable' | 'destroy',
    {name, etag}: VersionRequest,
    {principal}: Call,
    change: (version: SecretVersion, secret: StoredSecret) => SecretVersion,
  ): Promise<SecretVersion> => {
    const given = parseVersionName(name)
    const changed = await state.write(() => {
      const secret = lookup.secret(principal, `secretmanager.versions.${verb}`, given)
      const {number, resource} = lookup.numbered(secret, given.version)
      requireEtag(resource, etag)
      if (resource.state === 'DESTROYED') throw wrongState(resource)
      const next = {...change(resource, secret), etag: newEtag()}
      store.updateVersion(secret.key, number, next)
      return next
    })
    onSchedule()
    return changed
  }

  return {
    access,
    unary: {
      async AddSecretVersion(
        {parent, payload = {}}: {parent?: string; payload?: {data?: string; dataCrc32c?: string}},
        {principal}: Call,
      ): Promise<SecretVersion> {
        const given = parseSecretName(parent)
        lookup.secret(principal, 'secretmanager.versions.add', given)
        const data = checkPayload(payload)
        return state.write(() => {
          const {key, versions, resource} = lookup.secret(principal, 'secretmanager.versions.add', given)
          const number = versions + 1
          const version: SecretVersion = {
            name: `${resource.name}/versions/${number}`,
            createTime: now(),
            state: 'ENABLED',
            replicationStatus: statusOf(resource.replication),
            etag: newEtag(),
            ...(payload.dataCrc32c === undefined ? {} : {clientSpecifiedPayloadChecksum: true}),
          }
          store.insertVersion(key, number, version, data)
          return version
        })
      },

      GetSecretVersion({name}: VersionRequest, {principal}: Call): SecretVersion {
        const given = parseVersionName(name)
        const secret = lookup.secret(principal, 'secretmanager.versions.get', given)
        return lookup.version(secret, given.version).resource
      },

      AccessSecretVersion({name: requested}: VersionRequest, {principal}: Call): object {
        const {name, data} = access(requested, principal)
        return {name, payload: {data: data.toString('base64'), dataCrc32c: String(crc32c(data))}}
      },

      ListSecretVersions(
        request: {parent?: string; filter?: string} & PageRequest,
        {principal}: Call,
      ): object {
        const given = parseSecretName(request.parent)
        const {key, versions} = lookup.secret(principal, 'secretmanager.versions.list', given)
        const {items, next} = newestFirst(
          request,
          (before) => store.versions(key, before),
          ({number}) => number,
        )
        return {
          versions: items.map(({resource}) => resource),
          ...next,
          ...(request.filter ? {} : {totalSize: versions}),
        }
      },

      EnableSecretVersion: (request: VersionRequest, call: Call) =>
        changeState('enable', request, call, ({scheduledDestroyTime: _calledOff, ...version}) => ({
          ...version,
          state: 'ENABLED',
        })),

      DisableSecretVersion: (request: VersionRequest, call: Call) =>
        changeState('disable', request, call, (version) => ({...version, state: 'DISABLED'})),

      DestroySecretVersion: (request: VersionRequest, call: Call) =>
        changeState('destroy', request, call, (version, {resource: {versionDestroyTtl}}) => {
          if (versionDestroyTtl === undefined) return destroyed(version, now())
          const at = clock.now() + Number.parseFloat(versionDestroyTtl) * 1000
          return {...version, state: 'DISABLED', scheduledDestroyTime: new Date(at).toISOString()}
        }),
    },
  }
}

/** @param time RFC 3339 */
export function destroyed(
  {scheduledDestroyTime: _over, ...version}: SecretVersion,
  time: string,
): SecretVersion {
  return {...version, state: 'DESTROYED', destroyTime: time}
}

/** @throws ApiError INVALID_ARGUMENT, without a byte of the payload */
function checkPayload({data = '', dataCrc32c}: {data?: string; dataCrc32c?: string}): Buffer {
  const payload = Buffer.from(data, 'base64')
  if (payload.length === 0) throw new ApiError('INVALID_ARGUMENT', 'Secret Payload cannot be empty.')
  if (payload.length > LARGEST_PAYLOAD_BYTES)
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Secret Payload has ${payload.length} bytes; at most ${LARGEST_PAYLOAD_BYTES} are allowed.`,
    )
  if (dataCrc32c !== undefined && dataCrc32c !== String(crc32c(payload)))
    throw new ApiError(
      'INVALID_ARGUMENT',
      `The CRC-32C of the received payload is ${crc32c(payload)}, not ${dataCrc32c}: it was corrupted in transit.`,
    )
  return payload
}

function statusOf({automatic, userManaged}: Replication): SecretVersion['replicationStatus'] {
  if (automatic) return {automatic: {}}
  return {userManaged: {replicas: userManaged?.replicas ?? []}}
}

function wrongState({name, state}: SecretVersion): ApiError {
  return new ApiError('FAILED_PRECONDITION', `Secret Version [${name}] is in ${state} state.`)
}
