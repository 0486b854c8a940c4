import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {DatabaseSync} from 'node:sqlite'
import {StateError} from './state/open.ts'
import {PortTakenError} from './state/ports.ts'
import {codeOf, isDiskFull} from './system-error.ts'
import {ApiError, isDamage} from './wire/api-error.ts'
import {parseJsonObject} from './wire/json.ts'

/** A local cloud that cannot start, for a reason that its user can mend. */
export class LocalCloudError extends Error {
  override readonly name = 'LocalCloudError'
  /** Kebab-case, stable: `port-taken`, `locked`, `state-version`, `state-unreadable`, `permission-denied`, `disk-full`. */
  readonly code: string
  readonly suggestions: readonly string[]

  constructor(code: string, message: string, suggestions: readonly string[] = [], cause?: unknown) {
    super(message, {cause})
    this.code = code
    this.suggestions = suggestions
  }
}

/** What kept a local cloud from starting, in words for its user; what is no fault of theirs comes back as it was. */
export async function explainStart(error: unknown, stateFolder: string): Promise<unknown> {
  if (error instanceof PortTakenError) {
    return new LocalCloudError(
      'port-taken',
      error.message,
      [
        `See which program has it: lsof -i :${error.port}`,
        'End that program, or move the local cloud: cloud-runner local start --port PORT',
      ],
      error,
    )
  }
  const beginAnew = `Move the folder away to begin anew: mv ${stateFolder} ${stateFolder}.broken`
  if (error instanceof StateError) {
    const code = error.code === 'state-in-use' ? 'locked' : error.code
    const next = {
      'state-in-use': 'End the other one: cloud-runner local stop',
      'state-version':
        'Use the newer cloud-runner, or remove the folder to begin anew; what is in it is lost then.',
      'state-unreadable': beginAnew,
    }
    const holder = error.code === 'state-in-use' ? await holderOf(stateFolder) : ''
    return new LocalCloudError(code, error.message + holder, [next[error.code]], error)
  }
  if (isDamage(error)) {
    const message = `The state in ${stateFolder} is damaged: ${error.message}.`
    return new LocalCloudError('state-unreadable', message, [beginAnew], error)
  }
  if (error instanceof ApiError && error.status === 'DATA_LOSS') {
    const damage = damagedRow(stateFolder)
    const message =
      damage === undefined
        ? error.message
        : `The state in ${stateFolder} is damaged: ${damage} holds broken JSON.`
    return new LocalCloudError('state-unreadable', message, [beginAnew], error)
  }
  const code = codeOf(error)
  if (isDiskFull(error)) {
    return new LocalCloudError(
      'disk-full',
      `The disk with the state folder ${stateFolder} is full.`,
      [`See how much is left: df -h ${stateFolder}`],
      error,
    )
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new LocalCloudError(
      'permission-denied',
      `The state folder ${stateFolder} cannot be written.`,
      [`Look at it: ls -ld ${stateFolder}`],
      error,
    )
  }
  return error
}

/** Who has the folder, as `server.json` says: ` It is process 4711, since 2026-01-01T00:00:00.000Z.` */
async function holderOf(stateFolder: string): Promise<string> {
  const text = await readFile(join(stateFolder, 'server.json'), 'utf8').catch(() => '')
  const {pid, startedAt} = parseJsonObject(text) ?? {}
  return typeof pid === 'number' && typeof startedAt === 'string'
    ? ` It is process ${pid}, since ${startedAt}.`
    : ''
}

/** The first row of the state whose JSON is broken; sought only once a start has failed of it. */
function damagedRow(stateFolder: string): string | undefined {
  using database = new DatabaseSync(join(stateFolder, 'state.db'), {readOnly: true})
  const columns = database
    .prepare(
      `SELECT t.name AS "table", c.name AS "column" FROM sqlite_schema t, pragma_table_info(t.name) c
       WHERE t.type = 'table' AND c.type = 'TEXT' ORDER BY 1, 2`,
    )
    .all()
  for (const {table, column} of columns) {
    const row = database
      .prepare(
        `SELECT * FROM "${String(table)}" WHERE "${String(column)}" LIKE '{%' AND NOT json_valid("${String(column)}") LIMIT 1`,
      )
      .get()
    if (row === undefined) continue
    const key = Object.entries(row).find(([, value]) => typeof value === 'string' && !value.startsWith('{'))
    return `table ${String(table)}, column ${String(column)}${key === undefined ? '' : `, ${key[0]} ${String(key[1])}`}`
  }
  return undefined
}
