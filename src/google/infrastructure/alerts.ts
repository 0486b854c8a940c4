import {AppError} from '../../core/errors.ts'
import {isJsonObject} from '../../core/json.ts'
import type {Inspection} from '../../core/ports/infrastructure.ts'
import {PIPELINE_LABEL, type Pipeline} from '../../core/settings/pipeline.ts'
import {readPages, textIn, type Json, type Rest} from '../rest.ts'
import {blueprint} from './blueprint.ts'
import {satisfies} from './difference.ts'
import {withLabels} from './labels.ts'
import type {Resource} from './resource.ts'

type Collection = 'notificationChannels' | 'alertPolicies'
const KINDS: Record<Collection, string> = {
  notificationChannels: 'notification channel',
  alertPolicies: 'alert policy',
}

/** The alert policy and its channels, and those of earlier settings, which go. */
export async function alertResources(pipeline: Pipeline, rest: Rest): Promise<Resource[]> {
  const {alertChannels, alertPolicy} = blueprint(pipeline)
  const channels = Object.values(alertChannels).filter((channel) => channel !== undefined)
  /** Each collection is listed once, until a change here. */
  const lists = new Map<Collection, Promise<Json[]>>()
  const ours = (collection: Collection): Promise<Json[]> => {
    const list =
      lists.get(collection) ??
      readAll(collection, pipeline, rest).then((all) => all.filter((item) => isOurs(item, pipeline)))
    lists.set(collection, list)
    return list
  }
  const namesOfChannels = async (): Promise<string[]> => {
    const present = await ours('notificationChannels')
    return channels.flatMap(
      ({displayName}) =>
        textIn(
          present.find((item) => item['displayName'] === displayName),
          'name',
        ) ?? [],
    )
  }
  const isWanted = alertPolicy([]) !== undefined
  const old = async (collection: Collection, wanted: readonly Json[]) =>
    ((await unlessRefused(ours(collection))) ?? [])
      .filter((item) => !wanted.some(({displayName}) => displayName === item['displayName']))
      .map((item) => resource(collection, textIn(item, 'displayName') ?? '', undefined))

  const resource = (
    collection: Collection,
    displayName: string,
    wanted: (() => Promise<Json>) | undefined,
  ): Resource => {
    const list = `/v3/projects/${pipeline.settings.project}/${collection}`
    const read = async () => (await ours(collection)).find((item) => item['displayName'] === displayName)
    const path = (item: Json) => `/v3/${textIn(item, 'name') ?? ''}`
    const remove = async () => {
      const item = await read()
      // A channel that a policy of earlier settings still has goes as well.
      const query = collection === 'notificationChannels' ? '?force=true' : ''
      if (item === undefined) return false
      lists.clear()
      return (await rest.delete('monitoring', `${path(item)}${query}`)) !== undefined
    }
    return {
      kind: KINDS[collection],
      name: displayName,
      async inspect() {
        const item = await read()
        if (item === undefined) return undefined
        return wanted !== undefined && satisfies(item, await wanted()) ? 'right' : 'different'
      },
      async create() {
        if (wanted === undefined) return
        const body = await wanted()
        lists.clear()
        await rest.request('monitoring', 'POST', list, withLabels(body))
      },
      async update() {
        const item = await read()
        if (wanted === undefined) await remove()
        else if (item !== undefined) {
          const body = await wanted()
          const mask = Object.keys(body).join(',')
          lists.clear()
          await rest.request('monitoring', 'PATCH', `${path(item)}?updateMask=${mask}`, {
            ...withLabels(body, item),
            name: item['name'],
          })
        }
      },
      remove,
    }
  }

  const name = `cloud-runner ${pipeline.settings.name}`
  const policy = async () => alertPolicy(await namesOfChannels()) ?? {}
  return [
    ...channels.map((channel) =>
      resource('notificationChannels', textIn(channel, 'displayName') ?? '', async () => channel),
    ),
    ...(isWanted ? [resource('alertPolicies', name, policy)] : []),
    ...(await old('alertPolicies', isWanted ? [{displayName: name}] : [])),
    ...(await old('notificationChannels', channels)),
  ]
}

/** The channels that exist; `undefined` if the caller may not see them, or the API is disabled. */
export async function readChannels(pipeline: Pipeline, rest: Rest): ReturnType<Inspection['channels']> {
  const {slack} = pipeline.settings.alerts
  // Google may name the project by its number where the settings have its id.
  const idOf = (channel: string | undefined) => channel?.replace(/^.*\//, '')
  const isGiven = (channel: Json) => slack !== undefined && idOf(textIn(channel, 'name')) === idOf(slack)
  return (await unlessRefused(readAll('notificationChannels', pipeline, rest)))
    ?.filter((channel) => isGiven(channel) || isOurs(channel, pipeline))
    .map((channel) => ({
      name: (isGiven(channel) ? slack : textIn(channel, 'displayName')) ?? '',
      // https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.notificationChannels#verificationstatus
      works: channel['verificationStatus'] !== 'UNVERIFIED',
    }))
}

/** `undefined` if the caller may not see them, or the API is disabled: a pipeline without alerts needs neither. */
async function unlessRefused(list: Promise<Json[]>): Promise<Json[] | undefined> {
  try {
    return await list
  } catch (error) {
    if (error instanceof AppError && ['permission-denied', 'api-disabled'].includes(error.code))
      return undefined
    throw error
  }
}

function readAll(collection: Collection, {settings}: Pipeline, rest: Rest): Promise<Json[]> {
  return readPages(rest, 'monitoring', `/v3/projects/${settings.project}/${collection}`, collection)
}

function isOurs({userLabels}: Json, {settings}: Pipeline): boolean {
  return isJsonObject(userLabels) && userLabels[PIPELINE_LABEL] === settings.name
}
