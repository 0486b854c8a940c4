import {spawn} from 'node:child_process'
import {createHash, randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {readdir, readFile, readlink, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {text} from 'node:stream/consumers'
import {crc32c} from '@node-rs/crc32'
import {describe, expect, it} from 'vitest'
import {crc32cBase64} from '../../../src/local-cloud/state/crc32c.ts'
import {openState} from '../../../src/local-cloud/state/open.ts'
import type {Schema, State} from '../../../src/local-cloud/state/state.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'

const numbers: Schema = {
  name: 'numbers',
  migrations: ['CREATE TABLE numbers (value INTEGER PRIMARY KEY) STRICT'],
}
const insert = (state: State, value: number) =>
  state.write(() => Number(state.database.prepare('INSERT INTO numbers VALUES (?)').run(value).changes))
const values = (state: State): unknown[] =>
  state.database
    .prepare('SELECT value FROM numbers ORDER BY value')
    .all()
    .map((row) => row['value'])

describe('write', () => {
  it('returns the change’s result, and undoes only a change that throws', async () => {
    await using state = await openState({folder: await temporaryFolder(), schemas: [numbers]})
    const results = await Promise.allSettled([insert(state, 1), insert(state, 1), insert(state, 2)])
    expect(results.map(({status}) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(values(state)).toEqual([1, 2])
  })

  it('refuses a change only when what it may follow from is durable', async () => {
    await using state = await openState({folder: await temporaryFolder(), schemas: [numbers]})
    const answers: string[] = []
    await Promise.all([
      insert(state, 1).then(() => answers.push('inserted')),
      insert(state, 1).catch(() => answers.push('exists')),
    ])
    expect(answers).toEqual(['inserted', 'exists'])
  })

  it('undoes a change that throws half-way as a whole', async () => {
    await using state = await openState({folder: await temporaryFolder(), schemas: [numbers]})
    const change = state.write(() => {
      state.database.exec('INSERT INTO numbers VALUES (7)')
      throw new Error('no')
    })
    await expect(change).rejects.toThrow('no')
    expect(values(state)).toEqual([])
  })

  it.runIf(process.platform === 'linux')('copies no page of the state to a file elsewhere', async () => {
    await using state = await openState({folder: await temporaryFolder(), schemas: [numbers]})
    const many = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)'
    await state.write(() => state.database.exec(`${many} INSERT INTO numbers SELECT i FROM n`))
    await state.write(() => state.database.exec('DELETE FROM numbers WHERE value % 2 = 0'))
    const open = await readdir('/proc/self/fd')
    const files = await Promise.all(open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    // What SQLite names its temporary files.
    expect(files.filter((file) => /etilqs_/.test(file))).toEqual([])
  })

  it('loses nothing that it acknowledged when the process is killed', async () => {
    const folder = await temporaryFolder()
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '../../fixtures/state-writer.ts'), folder],
      {stdio: ['ignore', 'pipe', 'inherit']},
    )
    let acknowledged = ''
    child.stdout.on('data', (chunk) => {
      acknowledged += String(chunk)
      if (acknowledged.split('\n').length > 50) child.kill('SIGKILL')
    })
    await once(child, 'close')
    const expected = acknowledged.split('\n').slice(0, -1).map(Number)
    expect(expected.length).toBeGreaterThan(40)
    await using state = await openState({folder, schemas: [numbers]})
    expect(values(state)).toEqual(expect.arrayContaining(expected))
  })
})

describe('opening', () => {
  it('refuses a folder that another one has open', async () => {
    const folder = await temporaryFolder()
    await using state = await openState({folder, schemas: [numbers]})
    await expect(openState({folder, schemas: [numbers]})).rejects.toMatchObject({code: 'state-in-use'})
    expect(values(state)).toEqual([])
  })

  it('brings an older version up and refuses a newer one', async () => {
    const folder = await temporaryFolder()
    await (async () => {
      await using state = await openState({folder, schemas: [numbers]})
      await insert(state, 5)
    })()
    const next: Schema = {
      name: 'numbers',
      migrations: [...numbers.migrations, 'ALTER TABLE numbers ADD COLUMN note TEXT'],
    }
    await (async () => {
      await using state = await openState({folder, schemas: [next]})
      expect(state.database.prepare('SELECT * FROM numbers').all()).toEqual([{value: 5, note: null}])
    })()
    await expect(openState({folder, schemas: [numbers]})).rejects.toMatchObject({
      code: 'state-version',
      message: expect.stringContaining('newer cloud-runner'),
    })
  })

  it('refuses a folder with the tables of a service that it does not know', async () => {
    const folder = await temporaryFolder()
    const letters: Schema = {name: 'letters', migrations: ['CREATE TABLE letters (value TEXT) STRICT']}
    const newer = await openState({folder, schemas: [numbers, letters]})
    await newer[Symbol.asyncDispose]()
    await expect(openState({folder, schemas: [numbers]})).rejects.toMatchObject({
      code: 'state-version',
      message: expect.stringContaining('it has letters, which this one does not know'),
    })
    await using again = await openState({folder, schemas: [numbers, letters]})
    expect(values(again)).toEqual([])
  })

  it('names a file that is not a database', async () => {
    const folder = await temporaryFolder()
    await writeFile(
      join(folder, 'state.db'),
      'this is not a database, but it is long enough to look like one'.repeat(10),
    )
    await expect(openState({folder, schemas: []})).rejects.toMatchObject({code: 'state-unreadable'})
  })
})

describe('blobs', () => {
  it('hashes as Cloud Storage does and reads ranges', async () => {
    await using state = await openState({folder: await temporaryFolder(), schemas: []})
    const writer = await state.blobs.create({sha256: true})
    await writer.write(Buffer.from('1234'))
    await writer.write(Buffer.from('56789'))
    const info = await writer.finish()
    expect(info).toMatchObject({
      sizeBytes: 9,
      crc32c: '4waSgw==',
      md5: 'JfnnlDI7RTiF9RgfG2JNCw==',
      sha256: '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
    })
    expect(await text(state.blobs.read(info.id))).toBe('123456789')
    expect(await text(state.blobs.read(info.id, {start: 2, end: 4}))).toBe('345')
  })

  it('continues with unfinished bytes after a restart', async () => {
    const folder = await temporaryFolder()
    let id = ''
    await (async () => {
      await using state = await openState({folder, schemas: []})
      const writer = await state.blobs.create()
      await writer.write(Buffer.from('1234'))
      await writer.close()
      id = writer.id
    })()
    await using state = await openState({folder, schemas: []})
    const writer = await state.blobs.resume(id)
    expect(writer?.sizeBytes).toBe(4)
    await writer?.write(Buffer.from('56789'))
    expect(await writer?.finish()).toMatchObject({sizeBytes: 9, crc32c: '4waSgw=='})
    expect(await state.blobs.resume('00000000-0000-0000-0000-000000000000')).toBeUndefined()
  })

  it('hashes large files, too, and bytes from before a restart', async () => {
    const folder = await temporaryFolder()
    const bytes = randomBytes(5 * 1024 * 1024 + 3)
    const [first, second] = [bytes.subarray(0, 3_000_001), bytes.subarray(3_000_001)]
    let id = ''
    await (async () => {
      await using state = await openState({folder, schemas: []})
      const writer = await state.blobs.create()
      for (let at = 0; at < first.length; at += 70_000) await writer.write(first.subarray(at, at + 70_000))
      await writer.close()
      id = writer.id
    })()
    await using state = await openState({folder, schemas: []})
    const writer = await state.blobs.resume(id, {sha256: true})
    await writer?.write(second)
    expect(await writer?.finish()).toEqual({
      id,
      sizeBytes: bytes.length,
      md5: createHash('md5').update(bytes).digest('base64'),
      crc32c: crc32cBase64(crc32c(bytes)),
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
    expect(bytes.equals(await readFile(state.blobs.path(id)))).toBe(true)
  })

  it('reads on while the blob is removed, and sweeps what nothing refers to', async () => {
    const folder = await temporaryFolder()
    await using state = await openState({folder, schemas: []})
    const make = async (content: string) => {
      const writer = await state.blobs.create()
      await writer.write(Buffer.from(content))
      return writer.finish()
    }
    const [kept, lost] = [await make('kept'), await make('lost')]
    const reading = state.blobs.read(lost.id)
    await state.blobs.sweep((id) => id === kept.id)
    expect(await text(reading)).toBe('lost')
    expect(await readFile(state.blobs.path(kept.id), 'utf8')).toBe('kept')
    const files = (await readdir(join(folder, 'blobs'), {recursive: true, withFileTypes: true})).filter(
      (entry) => entry.isFile(),
    )
    expect(files.map(({name}) => name)).toEqual([kept.id])
  })
})
