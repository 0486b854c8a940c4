import {createPublicKey, generateKeyPair, randomBytes, sign, verify} from 'node:crypto'
import {promisify} from 'node:util'
import {type Row, optionalText, storedJson, text} from '../state/rows.ts'
import type {State} from '../state/state.ts'
import {ApiError} from '../wire/api-error.ts'
import {selfSign, signerExtensions} from '../wire/certificate.ts'
import type {Clock} from '../wire/clock.ts'
import {parseJsonObject} from '../wire/json.ts'
import type {AccountKeys, AccountKey} from './access.ts'

/** https://cloud.google.com/iam/quotas: "service account keys for each service account". */
const MOST_USER_KEYS = 10
const NEVER = '9999-12-31T23:59:59Z'
const CLOCK_SKEW_SECONDS = 300

/** Keys of service accounts in the state folder. Only the key that Google manages keeps its private half. */
export function createAccountKeys({state, clock}: {state: State; clock: Clock}): AccountKeys {
  const insert = state.database.prepare(
    'INSERT INTO iam_account_keys (email, id, key, certificate, private_key) VALUES (?, ?, ?, ?, ?)',
  )
  const replace = state.database.prepare('UPDATE iam_account_keys SET key = ? WHERE email = ? AND id = ?')
  const remove = state.database.prepare('DELETE FROM iam_account_keys WHERE email = ? AND id = ?')
  const removeAll = state.database.prepare('DELETE FROM iam_account_keys WHERE email = ?')
  const select = state.database.prepare('SELECT * FROM iam_account_keys WHERE email = ? ORDER BY id')

  const rowsOf = (email: string): Row[] => select.all(email)
  const keyOf = (row: Row): AccountKey => storedJson<AccountKey>(row, 'key', 'name', 'keyType')
  const findRow = (email: string, id: string): Row => {
    const row = rowsOf(email).find((each) => each['id'] === id)
    if (row === undefined) throw new ApiError('NOT_FOUND', `Service account key ${id} does not exist.`)
    return row
  }

  async function generate(
    account: {name: string; email: string},
    keyType: AccountKey['keyType'],
  ): Promise<{key: AccountKey; id: string; privateKey: string}> {
    const pair = await promisify(generateKeyPair)('rsa', {modulusLength: 2048})
    const id = randomBytes(20).toString('hex')
    const managed = keyType === 'SYSTEM_MANAGED'
    const now = clock.now()
    const key: AccountKey = {
      name: `${account.name}/keys/${id}`,
      keyAlgorithm: 'KEY_ALG_RSA_2048',
      keyOrigin: 'GOOGLE_PROVIDED',
      keyType,
      validAfterTime: new Date(now).toISOString(),
      validBeforeTime: NEVER,
    }
    const privateKey = pair.privateKey.export({type: 'pkcs8', format: 'pem'}).toString()
    const certificate = selfSign(pair, {name: account.email, now, extensions: signerExtensions()})
    await state.write(() => {
      const present = rowsOf(account.email).filter((row) => keyOf(row).keyType === keyType)
      // Two calls may have generated one at the same time: the first stays.
      if (managed && present.length > 0) return
      if (present.length >= MOST_USER_KEYS)
        throw new ApiError(
          'FAILED_PRECONDITION',
          `${account.email} already has ${MOST_USER_KEYS} keys, the most that an account can have.`,
        )
      insert.run(account.email, id, JSON.stringify(key), certificate, managed ? privateKey : null)
    })
    return {key, id, privateKey}
  }

  const managedRow = (email: string): Row | undefined =>
    rowsOf(email).find((row) => optionalText(row, 'private_key') !== undefined)

  const isSignedBy = (row: Row, data: string, signature: Buffer): boolean =>
    keyOf(row).disabled !== true &&
    verify('sha256', Buffer.from(data), createPublicKey(text(row, 'certificate')), signature)

  const keys: AccountKeys = {
    create: (account) => generate(account, 'USER_MANAGED'),
    list: (email) => rowsOf(email).map(keyOf),
    get(email, id) {
      const row = findRow(email, id)
      return {key: keyOf(row), certificate: text(row, 'certificate')}
    },
    async setDisabled(email, id, disabled) {
      await state.write(() => {
        const {disabled: _was, ...key} = keyOf(findRow(email, id))
        replace.run(JSON.stringify({...key, ...(disabled ? {disabled} : {})}), email, id)
      })
    },
    async remove(email, id) {
      await state.write(() => {
        if (keyOf(findRow(email, id)).keyType === 'SYSTEM_MANAGED')
          throw new ApiError('FAILED_PRECONDITION', 'A key that Google manages cannot be deleted.')
        remove.run(email, id)
      })
    },
    dropAccount: (email) => void removeAll.run(email),
    certificates: (email) =>
      Object.fromEntries(rowsOf(email).map((row) => [text(row, 'id'), text(row, 'certificate')])),
    hasKeys: (email) => rowsOf(email).length > 0,
    async sign(account, contentOf) {
      let row = managedRow(account.email)
      if (row === undefined) {
        await generate(account, 'SYSTEM_MANAGED')
        row = managedRow(account.email)
      }
      if (row === undefined) throw new ApiError('NOT_FOUND', `${account.email} was deleted meanwhile.`)
      const keyId = text(row, 'id')
      const content = contentOf(keyId)
      return {keyId, content, signature: sign('sha256', content, text(row, 'private_key'))}
    },
    verify: (email, data, signature) => rowsOf(email).some((row) => isSignedBy(row, data, signature)),
    readToken(token) {
      const [head, payload, signature, ...rest] = token.split('.')
      if (signature === undefined || rest.length > 0) return undefined
      const claims = parseJsonObject(Buffer.from(payload ?? '', 'base64url').toString())
      const {iss, exp} = claims ?? {}
      if (claims === undefined || typeof iss !== 'string' || typeof exp !== 'number') return undefined
      if (exp + CLOCK_SKEW_SECONDS < clock.now() / 1000) return undefined
      const bytes = Buffer.from(signature, 'base64url')
      return keys.verify(iss, `${head}.${payload}`, bytes) ? {email: iss, claims} : undefined
    },
  }
  return keys
}
