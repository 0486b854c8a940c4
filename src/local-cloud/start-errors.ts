import {readFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {DatabaseSync} from 'node:sqlite'
import {isDiskFull, roomLeft} from './disk-full.ts'
import {StateError} from './state/open.ts'
import {PortTakenError} from './state/listening-ports.ts'
import {codeOf} from './system-error.ts'
import {ApiError, isDamage} from './wire/api-error.ts'
import {parseJsonObject} from './wire/json.ts'

/** A local cloud that cannot start, for a reason that its user can fix. */
export class LocalCloudError extends Error {
  override readonly name = 'LocalCloudError'
  /** Kebab-case, stable: `usage`, `port-taken`, `locked`, `state-version`, `state-unreadable`, `permission-denied`, `disk-full`. */
  readonly code: string
  readonly suggestions: readonly string[]

  constructor(code: string, message: string, suggestions: readonly string[] = [], cause?: unknown) {
    super(message, {cause})
    this.code = code
    this.suggestions = suggestions
  }
}

/** Explains to the user why a local cloud did not start; an error that they cannot fix is returned unchanged. */
export async function explainStart(error: unknown, stateFolder: string): Promise<unknown> {
  if (error instanceof PortTakenError) {
    return new LocalCloudError(
      'port-taken',
      error.message,
      [
        `See which program uses it: lsof -i :${error.port}`,
        `Stop that program, or move the local cloud: cloud-runner local start ${error.flag}`,
      ],
      error,
    )
  }
  const startOver = `Move the folder away to start over: mv ${shellWord(stateFolder)} ${shellWord(`${stateFolder}.broken`)}`
  if (error instanceof StateError) {
    const code = error.code === 'state-in-use' ? 'locked' : error.code
    const next = {
      'state-in-use': 'Stop the other one: cloud-runner local stop',
      'state-version':
        'Use the newer cloud-runner, or remove the folder to start over; its contents are lost then.',
      'state-unreadable': startOver,
    }
    const holder = error.code === 'state-in-use' ? await holderOf(stateFolder) : ''
    return new LocalCloudError(code, error.message + holder, [next[error.code]], error)
  }
  if (isDamage(error)) {
    const message = `The state in ${stateFolder} is damaged: ${error.message}.`
    return new LocalCloudError('state-unreadable', message, [startOver], error)
  }
  if (error instanceof ApiError && error.status === 'DATA_LOSS') {
    const damage = damagedRow(stateFolder)
    const message =
      damage === undefined
        ? error.message
        : `The state in ${stateFolder} is damaged: ${damage} holds broken JSON.`
    return new LocalCloudError('state-unreadable', message, [startOver], error)
  }
  if (isDiskFull(error)) {
    return new LocalCloudError(
      'disk-full',
      `Not enough room on the disk of ${stateFolder} (${roomLeft(stateFolder)} left) to start the local cloud.`,
      [
        `See how full the disk is: df -h ${shellWord(dirname(stateFolder))}`,
        'Free some space, then run the same command again.',
      ],
      error,
    )
  }
  const code = codeOf(error)
  if (code === 'EADDRNOTAVAIL') {
    const reason = error instanceof Error ? error.message : String(error)
    return new LocalCloudError(
      'usage',
      `--bind: this machine does not have that address (${reason}).`,
      ['Serve all of its addresses: cloud-runner local start --bind 0.0.0.0:4511'],
      error,
    )
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new LocalCloudError(
      'permission-denied',
      `The state folder ${stateFolder} cannot be written.`,
      [`Check its permissions: ls -ld ${shellWord(stateFolder)}`],
      error,
    )
  }
  return error
}

/** Quotes an absolute path as one word of a shell, if needed. */
function shellWord(path: string): string {
  return /^[\p{L}\p{N}_./@+,:-]+$/u.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}

/** Which process uses the folder, from `server.json`: ` It is process 4711, since 2026-01-01T00:00:00.000Z.` */
async function holderOf(stateFolder: string): Promise<string> {
  const text = await readFile(join(stateFolder, 'server.json'), 'utf8').catch(() => '')
  const {pid, startedAt} = parseJsonObject(text) ?? {}
  return typeof pid === 'number' && typeof startedAt === 'string'
    ? ` It is process ${pid}, since ${startedAt}.`
    : ''
}

/** The first row of the state whose JSON is broken; only searched for after a start has failed because of it. */
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
