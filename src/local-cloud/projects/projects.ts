import type {ServiceAgents} from '../iam/access.ts'
import {storedJson, text} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import {isJsonObject} from '../wire/json.ts'
import type {Clock} from '../wire/clock.ts'

/** A project as Resource Manager knows it, and what Cloud Billing adds. */
export interface Project {
  readonly projectId: string
  readonly displayName: string
  readonly labels: Readonly<Record<string, string>>
  readonly parent: string | undefined
  readonly state: 'ACTIVE' | 'DELETE_REQUESTED'
  /** RFC 3339. */
  readonly createTime: string | undefined
  readonly deleteTime: string | undefined
  /** `billingAccounts/…`; empty if there is none. */
  readonly billingAccountName: string
  /** Whether it was created by `projects.create`: it then has few APIs, and no billing account. */
  readonly wasCreated: boolean
}

/** The one billing account of the local cloud, which bills nothing. */
export const BILLING_ACCOUNT = 'billingAccounts/000000-000000-000000'

/** https://cloud.google.com/resource-manager/reference/rest/v3/projects */
const PROJECT_ID = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/
const LABEL_KEY = /^[a-z][a-z0-9_-]{0,62}$/
const LABEL_VALUE = /^[a-z0-9_-]{0,63}$/

export interface Projects {
  /** By id or number. @throws ApiError PERMISSION_DENIED if there is none, as Google says it */
  get(id: string): Project
  /** Whether calls in it are served. */
  isActive(id: string): boolean
  /** @throws ApiError INVALID_ARGUMENT, ALREADY_EXISTS: an id is never free again */
  checkNew(id: unknown, labels: unknown): {projectId: string; labels: Record<string, string>}
  /** @throws ApiError ALREADY_EXISTS if another caller has created it since `checkNew` */
  create(project: Pick<Project, 'projectId' | 'displayName' | 'labels' | 'parent'>): Promise<Project>
  change(id: string, change: Partial<Pick<Project, 'state' | 'billingAccountName'>>): Promise<Project>
}

/**
 * @param existing ids that exist from the beginning; `undefined`: every id that was not deleted exists, so
 * anything can be tried without creating a project
 */
export function createProjects({
  state,
  clock,
  agents,
  existing,
}: {
  state: State
  clock: Clock
  agents: Pick<ServiceAgents, 'projectNumber'>
  existing: readonly string[] | undefined
}): Projects {
  const insert = state.database.prepare(
    'INSERT INTO projects (number, json) VALUES (?, ?) ON CONFLICT (number) DO NOTHING',
  )
  const upsert = state.database.prepare(
    'INSERT INTO projects (number, json) VALUES (?, ?) ON CONFLICT (number) DO UPDATE SET json = excluded.json',
  )
  const numberOf = (id: string): string => agents.projectNumber(id)
  const known = new Map<string, Project>()
  for (const row of state.database.prepare('SELECT number, json FROM projects').all())
    known.set(text(row, 'number'), storedJson<Project>(row, 'json', 'projectId', 'state'))
  const fromTheBeginning = existing && new Set(existing.map(numberOf))

  const find = (id: string): Project | undefined => {
    const number = numberOf(id)
    const project = known.get(number)
    if (project !== undefined) return project
    return fromTheBeginning === undefined || fromTheBeginning.has(number) ? implied(id) : undefined
  }
  const get = (id: string): Project => {
    const project = find(id)
    if (project === undefined) {
      throw new ApiError(
        'PERMISSION_DENIED',
        `The caller does not have permission on projects/${id} (or it may not exist).`,
      )
    }
    return project
  }
  const save = async (project: Project, statement: typeof upsert): Promise<Project> => {
    const number = numberOf(project.projectId)
    await state.write(() => {
      if (statement.run(number, JSON.stringify(project)).changes === 0) throw alreadyExists()
    })
    known.set(number, project)
    return project
  }
  const now = (): string => new Date(clock.now()).toISOString()

  return {
    get,
    isActive: (id) => (known.size === 0 && fromTheBeginning === undefined) || find(id)?.state === 'ACTIVE',
    checkNew(id, labels = {}) {
      const projectId = String(id)
      if (!PROJECT_ID.test(projectId)) {
        throw new ApiError(
          'INVALID_ARGUMENT',
          `project_id "${projectId}" must be 6 to 30 lowercase letters, digits and hyphens, begin with a letter and not end with a hyphen.`,
        )
      }
      if (known.has(numberOf(projectId)) || fromTheBeginning?.has(numberOf(projectId))) throw alreadyExists()
      return {projectId, labels: checkLabels(labels)}
    },
    create: (project) =>
      save(
        {
          ...project,
          state: 'ACTIVE',
          createTime: now(),
          deleteTime: undefined,
          billingAccountName: '',
          wasCreated: true,
        },
        insert,
      ),
    change(id, change) {
      const deleteTime = change.state === 'DELETE_REQUESTED' ? now() : undefined
      return save({...get(id), ...(change.state === undefined ? {} : {deleteTime}), ...change}, upsert)
    },
  }
}

function alreadyExists(): ApiError {
  return new ApiError('ALREADY_EXISTS', 'Requested entity already exists')
}

/** A project that exists without being created: with all the local cloud's APIs and its billing account. */
function implied(id: string): Project {
  return {
    projectId: id,
    displayName: id,
    labels: {},
    parent: undefined,
    state: 'ACTIVE',
    createTime: undefined,
    deleteTime: undefined,
    billingAccountName: BILLING_ACCOUNT,
    wasCreated: false,
  }
}

function checkLabels(labels: unknown): Record<string, string> {
  if (!isJsonObject(labels)) throw new ApiError('INVALID_ARGUMENT', 'labels must be an object.')
  const entries = Object.entries(labels).map(([key, value]) => [key, String(value)] as const)
  const wrong = entries.find(([key, value]) => !LABEL_KEY.test(key) || !LABEL_VALUE.test(value))
  if (wrong !== undefined) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Label ${wrong.join('=')}: keys and values are lowercase letters, digits, _ and -; at most 63.`,
    )
  }
  return Object.fromEntries(entries)
}
