import {gzipSync} from 'node:zlib'
import {describe, expect, it} from 'vitest'
import {type FileOptions, faultOf, processFile} from '../../support/process-file.ts'

const rowsOf = (count: number, row: (i: number) => string): string =>
  Array.from({length: count}, (_, i) => row(i)).join('')

const tar = Buffer.alloc(1024)
tar.write('data.csv')
tar.write('ustar', 257)
tar.write('a,y\n1,0\n', 512)

/** Unpacked it has a line that is too short, long before its checksum is found wrong. */
const damaged = gzipSync(`a,b,y\n${rowsOf(3000, (i) => `1,2,${i % 2}\n`)}1,2\n`, {level: 0})
damaged.writeUInt8(damaged.readUInt8(40) ^ 1, 40)

interface Case {
  what: string
  content: string | Buffer
  options?: FileOptions
  fault: {code: string; line?: number; column?: number | string}
}

const cases: Case[] = [
  {what: 'an empty file', content: '', fault: {code: 'no-header', line: 1}},
  {what: 'blank lines only', content: '\n\r\n\n', fault: {code: 'no-header', line: 1}},
  {
    what: 'a PNG image',
    content: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
    fault: {code: 'not-csv', line: 1},
  },
  {
    what: 'an encrypted Parquet file',
    content: Buffer.from('PARE\x2c\0\0\0,\x9f\n1,2\n', 'latin1'),
    fault: {code: 'not-csv', line: 1},
  },
  {
    what: 'a file packed with bzip2',
    content: Buffer.from('BZh91AY&SY\x8e\x02', 'latin1'),
    fault: {code: 'not-csv', line: 1},
  },
  {
    what: 'an SQLite database',
    content: Buffer.from('SQLite format 3\0\x10\0', 'latin1'),
    fault: {code: 'not-csv', line: 1},
  },
  {what: 'gzip under another name', content: gzipSync('a,b\n1,2\n'), fault: {code: 'not-csv', line: 1}},
  {what: 'JSON', content: '[{"a": 1, "b": 2}]\n', fault: {code: 'not-csv', line: 1}},
  {what: 'HTML', content: '<!DOCTYPE html>\n<p>a, b</p>\n', fault: {code: 'not-csv', line: 1}},
  {what: 'a tar archive', content: tar, fault: {code: 'not-csv', line: 1}},
  {
    what: 'gzip in gzip',
    content: gzipSync(gzipSync('a,b\n1,2\n')),
    options: {object: 'file.csv.gz'},
    fault: {code: 'not-csv', line: 1},
  },
  {
    what: "Excel's note on its separator",
    content: 'sep=;\na;b;y\n1;2;0\n2;3;1\n',
    fault: {code: 'no-header', line: 1},
  },
  {what: 'a header without names', content: ',,\n1,2,0\n2,3,1\n', fault: {code: 'no-header', line: 1}},
  {what: 'prose', content: 'Once upon a time\nthere was a file\n', fault: {code: 'not-csv', line: 1}},
  {
    what: 'UTF-16 that is cut off within a character',
    content: Buffer.from('\ufeffa,y\n1,0\n2,1\n', 'utf16le').subarray(0, -1),
    fault: {code: 'not-utf16'},
  },
  {
    what: 'UTF-32',
    content: Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0, 0x2c, 0, 0, 0]),
    fault: {code: 'not-utf8', line: 1},
  },
  {
    what: 'Windows-1252',
    content: Buffer.concat([Buffer.from('name,y\nAnna,0\nBj'), Buffer.from([0xf6]), Buffer.from('rn,1\n')]),
    fault: {code: 'not-utf8', line: 3, column: 1},
  },
  {
    what: 'a character cut off by the end of the file',
    content: Buffer.concat([Buffer.from('a,y\n1,0\n2,1'), Buffer.from([0xe2, 0x82])]),
    fault: {code: 'not-utf8', line: 3, column: 2},
  },
  {what: 'a NUL byte', content: 'a,y\r\n1,0\r\n2,\u00001\r\n', fault: {code: 'nul-byte', line: 3, column: 2}},
  {what: 'numbers instead of a header', content: '1.5,2,0\n2.5,3,1\n', fault: {code: 'no-header', line: 1}},
  {what: 'a header alone', content: 'a,b,y\n', fault: {code: 'no-rows', line: 2}},
  {
    what: 'a row that is short',
    content: 'a,b,y\n1,2,0\n1,2\n',
    fault: {code: 'ragged-row', line: 3, column: 3},
  },
  {
    what: 'a row that is long',
    content: 'a,b,y\n1,2,0\n\n"x\ny",2,0\n1,2,0,9\n',
    fault: {code: 'ragged-row', line: 6, column: 4},
  },
  {
    what: 'a quote that is never closed',
    content: 'a,b,y\n1,2,0\n1,"2,0\n1,2,1\n',
    fault: {code: 'broken-quote', line: 3, column: 2},
  },
  {
    what: 'a quote that is never closed in a large file',
    content: `a,b,y\n1,2,0\n1,"2,0\n${'1,2,1\n'.repeat(3_000_000)}`,
    fault: {code: 'record-too-long', line: 3, column: 2},
  },
  {
    what: 'text after a closing quote',
    content: 'a,b,y\n"1"x,2,0\n',
    fault: {code: 'broken-quote', line: 2, column: 1},
  },
  {
    what: 'a million columns',
    content: `${rowsOf(1_000_000, (i) => `c${i},`)}y\n`,
    fault: {code: 'too-many-columns', line: 1, column: 10_001},
  },
  {
    what: 'a label column that is not there',
    content: 'company,bankrupt\nA,0\nB,1\n',
    options: {labelColumn: 'bankrupcy'},
    fault: {code: 'label-column-missing', line: 1, column: 'bankrupcy'},
  },
  {
    what: "two columns of the label's name",
    content: 'y,a,y\n0,1,0\n1,2,1\n',
    options: {environment: {LABEL_COLUMN: 'y'}},
    fault: {code: 'label-column-ambiguous', line: 1, column: 3},
  },
  {
    what: 'a last column of numbers, with no label named',
    content: `a,price\n${rowsOf(30, (i) => `${i % 3},${i}.5\n`)}`,
    fault: {code: 'label-not-named', column: 'price'},
  },
  {
    what: 'a label named that is no class',
    content: `a,price\n${rowsOf(200, (i) => `${i % 3},${i}.5\n`)}`,
    options: {labelColumn: 'price'},
    fault: {code: 'too-many-classes', column: 'price'},
  },
  {what: 'one class', content: 'a,y\n1,0\n2,0\n3,\n', fault: {code: 'one-class', column: 'y'}},
  {
    what: 'no labelled row',
    content: 'a,y\n1,\n2,NA\n3,null\n',
    fault: {code: 'no-labelled-row', column: 'y'},
  },
  {
    what: 'a .gz file that is cut off',
    content: gzipSync(`a,y\n${rowsOf(1000, (i) => `${i * 7919},0\n`)}`).subarray(0, 500),
    options: {object: 'file.csv.gz'},
    fault: {code: 'broken-gzip'},
  },
  {
    what: 'a .gz file that is damaged in the middle, where it gives lines of another kind',
    content: damaged,
    options: {object: 'file.csv.gz'},
    fault: {code: 'broken-gzip'},
  },
]

describe('a file that can never be processed', () => {
  it.each(cases)('$what is refused as $fault.code, with its place', async ({content, options, fault}) => {
    const found = await faultOf(content, options)
    const {message, suggestions, ...place} = found
    expect(place).toEqual(fault)
    expect(message).toMatch(/^[A-Z].*\.$/)
    expect(suggestions.length).toBeGreaterThan(0)
  })

  it('is refused alike however the bytes arrive', async () => {
    for (const {content, options, fault} of cases.filter((one) => one.content.length < 10_000)) {
      expect(await faultOf(content, {...options, chunkBytes: 1})).toMatchObject(fault)
    }
  })

  it('with a misspelled label column gets the intended column suggested', async () => {
    const {suggestions} = await faultOf('company,Bankrupt\nA,0\n', {labelColumn: 'bankrupt'})
    expect(suggestions[0]).toBe('Did you mean Bankrupt?')
    const other = await faultOf('company,bankrupt\nA,0\n', {labelColumn: 'zzz'})
    expect(other.suggestions[0]).toBe('The columns are company, bankrupt.')
    const many = Array.from({length: 101}, (_, i) => `c${i}`)
    const wide = await faultOf(`${many.join(',')}\n`, {labelColumn: 'nope'})
    expect(wide.suggestions[0]).toBe(`The columns are ${many.slice(0, 100).join(', ')} and 1 more.`)
  })

  it('with few rows and a quantity as its label gets it split', async () => {
    const fault = await faultOf(`a,price\n${rowsOf(60, (i) => `${i % 3},${i}.5\n`)}`, {labelColumn: 'price'})
    expect(fault).toMatchObject({code: 'too-many-classes', column: 'price'})
    expect(fault.message).toContain('60 distinct numbers in 60 rows')
    expect(fault.suggestions.join(' ')).toContain('--bins 2')
    const grades = `a,grade\n${rowsOf(60, (i) => `${i % 7},${i % 25}\n`)}`
    expect((await processFile(grades, {labelColumn: 'grade'})).report.label.classes).toHaveLength(25)
  })

  it('without a named label gets the flag suggested', async () => {
    const {suggestions} = await faultOf(`a,price\n${rowsOf(30, (i) => `${i % 3},${i}.5\n`)}`)
    expect(suggestions.join(' ')).toContain('--label-column')
  })
})

describe('work that is aborted', () => {
  it("stops with the signal's reason", async () => {
    const controller = new AbortController()
    const reason = new Error('shutting down')
    const content = `a,b,y\n${rowsOf(100_000, (i) => `${Math.sin(i)},${Math.cos(i)},${i % 2}\n`)}`
    setImmediate(() => controller.abort(reason))
    await expect(processFile(content, {signal: controller.signal})).rejects.toBe(reason)
  })
})

/** The local headers of a ZIP archive whose entries are stored. */
const zip = (entries: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(
    Object.entries(entries).map(([name, content]) => {
      const header = Buffer.alloc(30)
      header.write('PK\x03\x04', 'latin1')
      header.writeUInt32LE(content.length, 18)
      header.writeUInt32LE(content.length, 22)
      header.writeUInt16LE(name.length, 26)
      return Buffer.concat([header, Buffer.from(name + content, 'latin1')])
    }),
  )
const compound = (part: string): Buffer =>
  Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(504), Buffer.from(part, 'utf16le')])

describe('what is not text is named by its content, whatever its name', () => {
  it.each<[what: string, content: Buffer, next: RegExp]>([
    [
      'an Excel workbook',
      zip({'[Content_Types].xml': '<a/>', '_rels/.rels': '', 'xl/workbook.xml': '\n'.repeat(40)}),
      /Save As, CSV UTF-8/,
    ],
    ['an old Excel workbook', compound('Workbook'), /Save As, CSV UTF-8/],
    ['a workbook or document with a password', compound('EncryptedPackage'), /Open it with its password/],
    [
      'an OpenDocument spreadsheet',
      zip({mimetype: 'application/vnd.oasis.opendocument.spreadsheet', 'content.xml': ''}),
      /LibreOffice/,
    ],
    ['a Numbers spreadsheet', zip({'Index/Document.iwa': '', 'Metadata/Properties.plist': ''}), /Export To/],
    ['a Word document', zip({'[Content_Types].xml': '', 'word/document.xml': ''}), /Export the data as CSV/],
    [
      'a ZIP archive',
      zip({'a.csv': 'x,y\n1,2\n', 'b.csv': 'x,y\n1,2\n'}),
      /^Unpack it, and upload the files/,
    ],
    ['an empty ZIP archive', Buffer.from('PK\x05\x06'.padEnd(22, '\0'), 'latin1'), /Export the data as CSV/],
    ['an Arrow file', Buffer.from('ARROW1\0\0', 'latin1'), /read_feather/],
    ['an ORC file', Buffer.from('ORC\n\x03\0', 'latin1'), /read_orc/],
    ['a Python pickle', Buffer.from('\x80\x04\x95', 'latin1'), /read_pickle/],
  ])('%s', async (what, content, next) => {
    for (const object of ['table.csv', 'table.xlsx']) {
      const {code, message, suggestions} = await faultOf(content, {object})
      expect([code, message]).toEqual(['not-csv', `The file is ${what}, not CSV.`])
      expect(suggestions.join(' ')).toMatch(next)
    }
  })

  it('and a header that begins like one is a header', async () => {
    const rows = Array.from({length: 30}, (_, i) => `${i % 7},${i % 2}\n`).join('')
    const {report} = await processFile(`ORC,y\n${rows}`)
    expect(report.label.column).toBe('y')
  })
})
