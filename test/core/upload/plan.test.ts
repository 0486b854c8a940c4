import {chmod, mkdir, symlink, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {once} from 'node:events'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {beforeEach, describe, expect, test} from 'vitest'
import {AppError} from '../../../src/core/errors.ts'
import {planUpload, type UploadRequest} from '../../../src/core/upload/plan.ts'
import {temporaryFolder} from '../../support/temporary-folder.ts'
import {render} from '../../../src/core/suggestion.ts'

let cwd = ''
beforeEach(async () => {
  cwd = await temporaryFolder()
  await mkdir(join(cwd, 'data', 'deep'), {recursive: true})
  await mkdir(join(cwd, 'data', '.hidden'))
  await mkdir(join(cwd, 'empty'))
  await writeFile(join(cwd, 'a.csv'), 'x\n1\n')
  await writeFile(join(cwd, 'b [1].csv'), '')
  await writeFile(join(cwd, 'data', 'a.csv'), 'x\n')
  await writeFile(join(cwd, 'data', 'deep', 'c.csv'), 'x\n')
  await writeFile(join(cwd, 'data', '.DS_Store'), 'x')
  await writeFile(join(cwd, 'data', '.hidden', 'd.csv'), 'x')
})

async function planned(sources: string[], more: Partial<UploadRequest> = {}): Promise<[string, string][]> {
  const files = await planUpload({sources, cwd, ...more})
  return files.map(({file, object}) => [file, object])
}

async function refusal(sources: string[], more: Partial<UploadRequest> = {}): Promise<AppError> {
  const error: unknown = await planUpload({sources, cwd, ...more}).catch((caught: unknown) => caught)
  if (!(error instanceof AppError)) throw new Error('was not refused with an AppError')
  expect(error.suggestions).not.toEqual([])
  return error
}

describe('finding files', () => {
  test('a file by its base name, with its size', async () => {
    expect(await planUpload({sources: ['./a.csv'], cwd})).toMatchObject([
      {file: './a.csv', object: 'a.csv', sizeBytes: 4},
    ])
  })

  test('a folder with what is below it, hidden files and folders left out, slashes as in object names', async () => {
    expect(await planned(['data/'])).toEqual([
      ['data/a.csv', 'data/a.csv'],
      ['data/deep/c.csv', 'data/deep/c.csv'],
    ])
  })

  test('links to files are files; what else is in a folder or pattern is left out, with the reason', async () => {
    await symlink('../a.csv', join(cwd, 'data', 'link.csv'))
    await symlink('nowhere.csv', join(cwd, 'data', 'gone.csv'))
    await symlink('a.csv/below', join(cwd, 'data', 'beneath.csv'))
    await symlink('.', join(cwd, 'data', 'self'))
    await using socket = createServer().listen(join(cwd, 'data', 'socket'))
    await once(socket, 'listening')
    const left: string[] = []
    const leftOut = (file: string, reason: string) => left.push(`${file}: ${reason}`)
    expect(await planned(['data'], {leftOut})).toEqual([
      ['data/a.csv', 'data/a.csv'],
      ['data/deep/c.csv', 'data/deep/c.csv'],
      ['data/link.csv', 'data/link.csv'],
    ])
    const broken = ['data/beneath.csv: it is a broken link', 'data/gone.csv: it is a broken link']
    expect(left.toSorted()).toEqual([
      ...broken,
      'data/self: it is a folder; patterns and links match only files',
      'data/socket: it is not a file',
    ])
    left.length = 0
    expect(await planned(['data/*'], {leftOut})).toHaveLength(2)
    expect(left.toSorted()).toEqual([
      ...broken.slice(0, 1),
      'data/deep: it is a folder; patterns and links match only files',
      ...broken.slice(1),
      'data/self: it is a folder; patterns and links match only files',
      'data/socket: it is not a file',
    ])
    await symlink('loop', join(cwd, 'loop'))
    for (const [source, target] of [
      ['data/gone.csv', 'nowhere.csv'],
      ['data/beneath.csv', 'a.csv/below'],
      ['loop', 'loop'],
    ] as const)
      expect(await refusal([source])).toMatchObject({
        code: 'file-missing',
        message: `${source} is a broken link to ${target}.`,
      })
  })

  test('a pattern, in the order of the names; a file with brackets in its name is that file', async () => {
    expect(await planned(['data/**/c*'])).toEqual([['data/deep/c.csv', 'c.csv']])
    expect(await planned(['b [1].csv'])).toEqual([['b [1].csv', 'b [1].csv']])
  })

  test('the same file named twice is one', async () => {
    expect(await planned(['a.csv', './a.csv', 'a*.csv'])).toHaveLength(1)
  })

  test('stdin with a name', async () => {
    const stdin = Readable.from(['x'])
    expect(await planUpload({sources: ['-'], name: 'in.csv', cwd, stdin})).toMatchObject([
      {file: '-', object: 'in.csv', sizeBytes: undefined, source: {stream: stdin}},
    ])
  })

  test('--name renames the only file', async () => {
    expect(await planned(['a.csv'], {name: 'june/a.csv'})).toEqual([['a.csv', 'june/a.csv']])
  })
})

describe('refused before anything is sent', () => {
  test.each([
    ['a missing file', ['nowhere.csv'], {}, 'file-missing', 1],
    ['a pattern without a match', ['*.parquet'], {}, 'glob-empty', 1],
    ['an empty folder', ['empty'], {}, 'folder-empty', 1],
    ['a pipe or device', ['/dev/null'], {}, 'file-unreadable', 1],
    ['two files of one name', ['a.csv', 'data/a.csv'], {}, 'object-name-duplicate', 2],
    ['a name for several files', ['a.csv', 'b [1].csv'], {name: 'x'}, 'name-with-several-files', 2],
    ['stdin without a name', ['-'], {stdin: Readable.from([])}, 'name-required', 2],
    ['the reserved prefix', ['a.csv'], {name: '_cloud-runner/x'}, 'object-name-reserved', 2],
    ['a trailing slash', ['a.csv'], {name: 'x/'}, 'object-name-invalid', 2],
    ['an empty name', ['a.csv'], {name: ''}, 'object-name-invalid', 2],
    ['a name of 1025 bytes', ['a.csv'], {name: 'ä'.repeat(512) + 'x'}, 'object-name-invalid', 2],
    ['a line break in a name', ['a.csv'], {name: 'a\nb'}, 'object-name-invalid', 2],
    ['a dot', ['a.csv'], {name: '.'}, 'object-name-invalid', 2],
  ])('%s', async (_, sources, more, code, exitCode) => {
    expect(await refusal(sources, more)).toMatchObject({code, exitCode})
  })

  test.skipIf(process.getuid?.() === 0)('an unreadable folder', async () => {
    const folder = join(cwd, 'secret')
    await mkdir(folder)
    await chmod(folder, 0)
    expect(await refusal(['secret'])).toMatchObject({code: 'file-unreadable'})
    await chmod(folder, 0o700)
  })

  test('1024 bytes are a name', async () => {
    expect(await planned(['a.csv'], {name: 'ä'.repeat(512)})).toHaveLength(1)
  })
})

test.each([
  [['gs://bucket/june.csv'], {}, 'is not a local file', 'gcloud storage cp gs://bucket/june.csv .'],
  [['https://example.com/a?b=1'], {}, 'is not a local file', "curl -LO 'https://example.com/a?b=1'"],
  [['a.csv'], {name: 'new\nline.csv'}, String.raw`"new\nline.csv" (of a.csv)`, '--name'],
  [['a.csv'], {name: 'new\nline.csv'}, 'it contains a line break', '--name'],
  [['a.csv'], {name: '..'}, 'it means a folder', '--name'],
])('%j %j is refused with the reason', async (sources, more, reason, way) => {
  const {message, suggestions} = await refusal(sources, more)
  expect(message).toContain(reason)
  expect(suggestions.map(render).join(' ')).toContain(way)
})

test.each([
  ['b (1).csv', "'b [1].csv'"],
  ['data/deep/cc.csv', 'data/deep/c.csv'],
  ['date/a.csv', 'data'],
  ['./dat', 'data'],
])('%s is not there, and %s is suggested', async (typed, near) => {
  const {code, suggestions} = await refusal([typed])
  expect([code, suggestions[0]]).toEqual(['file-missing', `Did you mean: ${near}`])
})

test('nothing near is not suggested', async () => {
  expect((await refusal(['financial_statements.csv'])).suggestions).toEqual([
    expect.stringMatching(/^List the files: ls /),
  ])
})
