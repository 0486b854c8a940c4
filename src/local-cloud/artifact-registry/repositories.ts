import type {AccessControl} from '../iam/access.ts'
import {policyMethods, policyRoutes} from '../iam/policy-methods.ts'
import type {Operation, Operations} from '../operations/operations.ts'
import {type Row, storedJson} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import type {Clock} from '../wire/clock.ts'
import {applyFieldMask, fieldPaths} from '../wire/field-mask.ts'
import {route, type HttpRequest, type Route} from '../wire/routes.ts'
import type {ImageName, ImageStore, StoredManifest} from './image-store.ts'

const REPOSITORY_TYPE = 'google.devtools.artifactregistry.v1.Repository'
/** Fields that the service alone writes. */
const OUTPUT_ONLY = new Set([
  'name',
  'createTime',
  'updateTime',
  'sizeBytes',
  'satisfiesPzs',
  'satisfiesPzi',
  'registryUri',
])

type Repository = Record<string, unknown> & {name: string}

export interface RepositoriesDependencies {
  readonly state: State
  readonly clock: Clock
  readonly access: AccessControl
  readonly operations: Operations
  readonly store: ImageStore
}

/** The Artifact Registry REST API: Docker repositories, their policies, the images in them. */
export function repositoryRoutes({
  state,
  clock,
  access,
  operations,
  store,
}: RepositoriesDependencies): Route[] {
  const {database, blobs} = state
  const select = database.prepare('SELECT json FROM registry_repositories WHERE name = ?')
  const selectSpace = database.prepare('SELECT name FROM registry_repositories WHERE space = ?')
  const selectAll = database.prepare('SELECT json FROM registry_repositories WHERE parent = ? ORDER BY name')
  const insert = database.prepare(
    'INSERT INTO registry_repositories (name, parent, space, json) VALUES (?, ?, ?, ?)',
  )
  const update = database.prepare('UPDATE registry_repositories SET json = ? WHERE name = ?')
  const remove = database.prepare('DELETE FROM registry_repositories WHERE name = ?')

  const find = (name: string): Repository => {
    const row = select.get(name)
    if (!row) throw new ApiError('NOT_FOUND', `Requested entity was not found: repository "${name}".`)
    return repositoryOf(row)
  }
  const now = (): string => new Date(clock.now()).toISOString()
  const ended = (parent: string, resource: object, type = REPOSITORY_TYPE): Promise<Operation> =>
    operations.run({parent, type, metadata: resource}, async () => resource)
  /** A custom method or the resource itself below `…/repositories/NAME`. */
  const repositoryRoute = (
    method: string,
    suffix: string,
    permission: string,
    handle: (name: string, request: HttpRequest) => Promise<object>,
  ): Route => ({
    method,
    pattern: new RegExp(`^/v1/(?<name>projects/[^/]+/locations/[^/]+/repositories/[^/:]+)${suffix}$`),
    handle: async (request) => {
      const name = request.params['name'] ?? ''
      access.require(request.call.principal, `artifactregistry.${permission}`, name)
      find(name)
      return {json: await handle(name, request)}
    },
  })

  return [
    route(
      'POST',
      '/v1/projects/:project/locations/:location/repositories',
      async ({params, url, json, call}) => {
        const parent = parentOf(params)
        access.require(call.principal, 'artifactregistry.repositories.create', parent)
        const id = url.searchParams.get('repository_id') ?? url.searchParams.get('repositoryId') ?? ''
        if (!/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(id)) {
          throw new ApiError(
            'INVALID_ARGUMENT',
            `Invalid repository id "${id}": it must begin with a letter, have up to 63 lowercase letters, digits and hyphens, and not end with a hyphen.`,
          )
        }
        const body = withoutOutput(await json())
        if (body['format'] !== 'DOCKER') {
          throw new ApiError(
            'UNIMPLEMENTED',
            `The local cloud serves repositories of format DOCKER only, not ${JSON.stringify(body['format'])}.`,
          )
        }
        const space = `${params['project']}/${id}`
        const repository = {
          ...body,
          name: `${parent}/repositories/${id}`,
          mode: body['mode'] ?? 'STANDARD_REPOSITORY',
          createTime: now(),
          updateTime: now(),
          registryUri: `${params['location']}-docker.pkg.dev/${space}`,
        }
        await state.write(() => {
          const existing = selectSpace.get(space)?.['name']
          if (existing === repository.name)
            throw new ApiError('ALREADY_EXISTS', `The repository "${repository.name}" already exists.`)
          if (existing !== undefined) {
            throw new ApiError(
              'FAILED_PRECONDITION',
              `The local registry's address names no location, so "${id}" can be in one location only; it exists as ${String(existing)}.`,
            )
          }
          insert.run(repository.name, parent, space, JSON.stringify(repository))
        })
        return {json: await ended(parent, repository)}
      },
    ),
    route('GET', '/v1/projects/:project/locations/:location/repositories', ({params, call}) => {
      access.require(call.principal, 'artifactregistry.repositories.list', parentOf(params))
      const repositories = selectAll.all(parentOf(params)).map(repositoryOf)
      return {json: repositories.length > 0 ? {repositories} : {}}
    }),
    repositoryRoute('GET', '', 'repositories.get', async (name) => ({
      ...find(name),
      sizeBytes: String(sizeOf(store.manifests(spaceOf(name)))),
    })),
    repositoryRoute('PATCH', '', 'repositories.update', async (name, {url, json}) => {
      const body = withoutOutput(await json())
      const paths = fieldPaths(url.searchParams.get('updateMask') ?? Object.keys(body).join(','))
      for (const [field = ''] of paths) {
        if (OUTPUT_ONLY.has(field) || field === 'format' || field === 'mode')
          throw new ApiError('INVALID_ARGUMENT', `Field "${field}" of a repository cannot be changed.`)
      }
      return state.write(() => {
        const changed = {...applyFieldMask(find(name), body, paths), updateTime: now()}
        update.run(JSON.stringify(changed), name)
        return changed
      })
    }),
    repositoryRoute('DELETE', '', 'repositories.delete', async (name) => {
      const orphans = await state.write(() => {
        remove.run(name)
        access.dropPolicy(name)
        return store.removeSpace(spaceOf(name))
      })
      for (const orphan of orphans) await blobs.remove(orphan)
      return ended(name.replace(/\/repositories\/[^/]+$/, ''), {}, 'google.protobuf.Empty')
    }),
    ...policyRoutes(
      'projects/:project/locations/:location/repositories/:repository',
      policyMethods(access, () => 'artifactregistry.repositories', find),
    ),
    repositoryRoute('GET', '/dockerImages', 'dockerimages.list', async (name) => {
      const dockerImages = store.manifests(spaceOf(name)).map((manifest) => dockerImage(name, manifest))
      return dockerImages.length > 0 ? {dockerImages} : {}
    }),
    repositoryRoute(
      'GET',
      '/dockerImages/(?<image>[^@]+)@(?<digest>sha256:[a-f0-9]{64})',
      'dockerimages.get',
      async (name, {params}) => {
        const image: ImageName = {space: spaceOf(name), image: params['image'] ?? ''}
        const manifest = store.manifest(image, params['digest'] ?? '')
        if (!manifest)
          throw new ApiError(
            'NOT_FOUND',
            `Requested entity was not found: image "${params['image']}@${params['digest']}" of ${name}.`,
          )
        return dockerImage(name, manifest)
      },
    ),
  ]

  function dockerImage(
    repository: string,
    {image, digest, mediaType, imageSizeBytes, uploaded, space}: StoredManifest,
  ): object {
    const tags = store.tags({space, image}).filter((tag) => tag.digest === digest)
    const time = new Date(uploaded).toISOString()
    return {
      name: `${repository}/dockerImages/${encodeURIComponent(image)}@${digest}`,
      uri: `${repository.split('/')[3]}-docker.pkg.dev/${space}/${image}@${digest}`,
      ...(tags.length > 0 ? {tags: tags.map(({tag}) => tag)} : {}),
      imageSizeBytes: String(imageSizeBytes),
      uploadTime: time,
      mediaType,
      updateTime: time,
    }
  }
}

function repositoryOf(row: Row): Repository {
  return storedJson(row, 'json', 'name')
}

function parentOf(params: Readonly<Record<string, string>>): string {
  return `projects/${params['project']}/locations/${params['location']}`
}

/** `PROJECT/REPOSITORY` of a repository's resource name. */
function spaceOf(name: string): string {
  const segments = name.split('/')
  return `${segments[1]}/${segments[5]}`
}

function sizeOf(manifests: readonly StoredManifest[]): number {
  return manifests.reduce((sum, {imageSizeBytes}) => sum + imageSizeBytes, 0)
}

function withoutOutput(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([field]) => !OUTPUT_ONLY.has(field)))
}
