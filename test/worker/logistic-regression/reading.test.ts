import {gunzipSync, gzipSync} from 'node:zlib'
import * as fc from 'fast-check'
import {parse} from 'csv-parse/sync'
import {describe, expect, it} from 'vitest'
import {quoteField} from '../../../worker/logistic-regression/csv/append.ts'
import {processFile} from '../../support/process-file.ts'

const plain = [
  'size,color,y',
  '1.5,red,0',
  '2.5,blue,1',
  '3.0,red,0',
  '7.25,blue,1',
  '1.75,blue,0',
  '6,red,1',
  '4,red,',
]

describe('the result', () => {
  it('is the input with the prediction and a probability per class appended', async () => {
    const {lines} = await processFile(`${plain.join('\n')}\n`)
    expect(lines[0]).toBe('size,color,y,prediction,probability_0,probability_1')
    expect(lines).toHaveLength(plain.length)
    lines.slice(1).forEach((line, i) => {
      const input = plain[i + 1] ?? ''
      expect(line.startsWith(`${input},`)).toBe(true)
      const [prediction, none, one] = line.slice(input.length + 1).split(',')
      expect(Number(none) + Number(one)).toBeCloseTo(1, 5)
      expect(prediction).toBe(Number(one) > Number(none) ? '1' : '0')
    })
  })

  it('names its columns apart from those of the input', async () => {
    const {lines} = await processFile(
      'prediction,probability_1,prediction_2,y\n1,9,4,0\n2,8,5,1\n3,7,5,0\n5,7,6,1\n',
    )
    expect(lines[0]).toBe(
      'prediction,probability_1,prediction_2,y,prediction_3,probability_0,probability_1_2',
    )
  })

  it('quotes class names if necessary', async () => {
    const {lines} = await processFile('a,y\n1,"no, never"\n2,"say ""yes"""\n3,"no, never"\n4,"say ""yes"""\n')
    expect(lines[0]).toBe('a,y,prediction,"probability_no, never","probability_say ""yes"""')
  })

  it('is gzipped where the input is by its name', async () => {
    const text = `${plain.join('\n')}\n`
    const {bytes} = await processFile(gzipSync(text), {object: 'folder/file.csv.GZ'})
    expect(gunzipSync(bytes)).toEqual((await processFile(text)).bytes)
  })

  it('has the same bytes for the same bytes', async () => {
    const text = `${plain.join('\n')}\n`
    const [first, second] = [await processFile(text), await processFile(text, {chunkBytes: 3})]
    expect(second.bytes).toEqual(first.bytes)
    expect(second.model).toEqual(first.model)
    expect({...second.report, timings: 0}).toEqual({...first.report, timings: 0})
  })
})

describe('a file as found in the wild', () => {
  const reference = async (): Promise<string[]> => (await processFile(`${plain.join('\n')}\n`)).lines

  it.each([
    ['CR LF', '\r\n'],
    ['CR alone', '\r'],
  ])('may end its lines with %s, and the result does too', async (_, lineEnd) => {
    const {bytes} = await processFile(plain.join(lineEnd) + lineEnd)
    expect(bytes.toString()).toBe((await reference()).join(lineEnd) + lineEnd)
  })

  it('may mix line ends and have blank lines and no last line end', async () => {
    const ends = ['\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\r', '\n']
    const text = plain.map((line, i) => line + (ends[i] ?? '')).join('')
    for (const chunkBytes of [1, 2, 7, 65_536]) {
      const {lines} = await processFile(text, {chunkBytes})
      expect(lines).toEqual(await reference())
    }
  })

  it.each([';', '\t', '|'])('may be delimited by %j', async (delimiter) => {
    const {lines} = await processFile(`${plain.join('\n').replaceAll(',', delimiter)}\n`)
    expect(lines).toEqual((await reference()).map((line) => line.replaceAll(',', delimiter)))
  })

  it('may start with a byte order mark, which is kept', async () => {
    const {lines} = await processFile(`\ufeff${plain.join('\n')}\n`)
    expect(lines[0]).toBe(`\ufeff${(await reference())[0]}`)
    expect(lines.slice(1)).toEqual((await reference()).slice(1))
  })

  it.each([
    ['little', (bytes: Buffer) => bytes],
    ['big', (bytes: Buffer) => bytes.swap16()],
  ])('may be UTF-16 with the %s end first, and the result is UTF-8', async (_, ordered) => {
    const text = `\ufeff${plain.join('\n').replaceAll('red', 'rot 😀')}\n`
    const expected = await processFile(text)
    for (const chunkBytes of [1, 3, 65_536]) {
      const {bytes, report} = await processFile(ordered(Buffer.from(text, 'utf16le')), {chunkBytes})
      expect(bytes).toEqual(expected.bytes)
      expect(report.assumptions[0]).toContain('UTF-16')
    }
  })

  it.each([
    ['little', (bytes: Buffer) => bytes],
    ['big', (bytes: Buffer) => bytes.swap16()],
  ])('may be UTF-16 without a byte order mark, with the %s end first', async (_, ordered) => {
    const text = `${plain.join('\n').replaceAll('red', 'rot 😀')}\n`
    const expected = await processFile(text)
    for (const chunkBytes of [1, 65_536]) {
      const {bytes, report} = await processFile(ordered(Buffer.from(text, 'utf16le')), {chunkBytes})
      expect(bytes).toEqual(expected.bytes)
      expect(report.assumptions[0]).toContain('UTF-16')
    }
  })

  it.each([1, 7, 65_536])(
    'has the delimiter on which its first lines agree, by chunks of %i',
    async (chunkBytes) => {
      const header = 'price (net, EUR, no tax);area (m2, gross);y'
      const {report} = await processFile(`${header}\n1,5;2,5;0\n2,5;1,5;1\n1,5;3,5;0\n2;1,5;1\n`, {
        chunkBytes,
      })
      expect(report.label.column).toBe('y')
      expect(report.coefficients[0]?.terms.map(({column}) => column)).toEqual([
        'price (net, EUR, no tax)',
        'area (m2, gross)',
      ])
    },
  )

  it('keeps its quotes, and line ends within them', async () => {
    const rows = ['"1.5","re\nd",0', '2.5,"b""l,ue",1', '3,"re\nd",0', '"4",x,1', '5,"re\nd",']
    for (const chunkBytes of [1, 5, 65_536]) {
      const {bytes, report} = await processFile(`size,"color, or so",y\n${rows.join('\n')}\n`, {chunkBytes})
      const records: string[][] = parse(bytes)
      expect(records).toHaveLength(6)
      expect(records[1]?.slice(0, 3)).toEqual(['1.5', 're\nd', '0'])
      for (const row of rows) expect(bytes.toString()).toContain(`${row},`)
      expect(report.coefficients[0]?.terms.map(({column}) => column)).toContain('color, or so')
    }
  })

  it('may write numbers with a decimal comma where semicolons delimit', async () => {
    const {report} = await processFile('a;b;y\n1,5;x;0\n2,5;z;1\n-3,25;x;0\n,5e1;z;1\n')
    expect(report.coefficients[0]?.terms[0]).toMatchObject({column: 'a', kind: 'numeric'})
    expect(report.assumptions.join(' ')).toContain('decimal comma: a')
    // With tabs, 1,234 is as likely one thousand two hundred and thirty-four.
    const tabs = await processFile('a\tb\ty\n1,234\tx\t0\n2,500\tz\t1\n1,234\tx\t0\n2,500\tz\t1\n')
    expect(tabs.report.coefficients[0]?.terms[0]).toMatchObject({
      column: 'a',
      kind: 'numeric',
    })
    expect(tabs.report.warnings[0]).toContain(
      'Column a: 1,234 was read as 1234; if its mark is a decimal one',
    )
  })

  it('passes every record through whole', async () => {
    const cell = fc.string({
      unit: fc.constantFrom('a', 'é', '😀', ',', '"', '\n', '\r', ' ', '1', ';'),
      maxLength: 6,
    })
    const table = fc.record({
      rows: fc.array(fc.tuple(cell, cell), {minLength: 4, maxLength: 12}),
      chunkBytes: fc.integer({min: 1, max: 40}),
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    })
    await fc.assert(
      fc.asyncProperty(table, async ({rows, chunkBytes, lineEnd}) => {
        const cells = rows.map(([a, b], i) => [`k${a}`, b, String(i % 2)])
        const records = [['a', 'b', 'y'], ...cells]
        const text = records
          .map((record) => record.map((field) => quoteField(field, ',')).join(','))
          .join(lineEnd)
        const {bytes, report} = await processFile(text, {chunkBytes})
        const found: string[][] = parse(bytes, {record_delimiter: ['\r\n', '\n', '\r']})
        expect(found.map((record) => record.slice(0, 3))).toEqual(records)
        expect(report.rows.total).toBe(rows.length)
      }),
      {numRuns: 150},
    )
  })
})

describe('columns', () => {
  const rows = Array.from({length: 40}, (_, i) => i)
  const report = async (header: string, row: (i: number) => string) =>
    (
      await processFile(
        `${header},y\n${rows.map((i) => `${row(i)},${(i * 7) % 3 === 0 ? 1 : 0}\n`).join('')}`,
      )
    ).report

  it('that carry nothing over to other rows are left out and named', async () => {
    const {leftOut, coefficients} = await report(
      'id,company_id,customerId,paid,counter,name,same,void,day,x',
      (i) =>
        `${i % 2},C${i % 9},${i % 5},${i % 4},${i * 3},name ${i},1,NA,2024-01-${10 + (i % 20)},${Math.sin(i)}`,
    )
    expect(leftOut).toEqual([
      {column: 'id', reason: 'identifier'},
      {column: 'company_id', reason: 'identifier'},
      {column: 'customerId', reason: 'identifier'},
      {column: 'counter', reason: 'identifier'},
      {column: 'name', reason: 'identifier'},
      {column: 'same', reason: 'constant'},
      {column: 'void', reason: 'empty'},
      {column: 'day', reason: 'date'},
    ])
    expect(coefficients[0]?.terms.map(({column}) => column)).toEqual(['paid', 'x'])
  })

  it('of dates are left out however they are written, and not guessed at', async () => {
    const {leftOut, coefficients} = await report('a,b,c,d,e,version,x', (i) => {
      const day = 10 + (i % 20)
      return `2024/02/${day},${day}.02.2024 13:05,${day}-Feb-24,Feb ${day} 2024,2024-02-${day}T00:00:00Z,1.2.${i % 3},${Math.sin(i)}`
    })
    expect(leftOut).toEqual(['a', 'b', 'c', 'd', 'e'].map((column) => ({column, reason: 'date'})))
    expect(coefficients[0]?.terms.map(({column}) => column)).toContain('version')
  })

  it('of dates are left out even with unknown dates, and without separators', async () => {
    const {leftOut} = await report('a,b,c,d,x', (i) => {
      const day = 10 + (i % 20)
      return `${i === 5 ? 'unknown' : `2024-02-${day}`},202402${day},2024-0${1 + (i % 9)},"Thu, ${day} Feb 2024 10:00:00 GMT",${Math.sin(i)}`
    })
    expect(leftOut).toEqual(['a', 'b', 'c', 'd'].map((column) => ({column, reason: 'date'})))
  })

  it('of numbers take the words of programs for missing', async () => {
    const words = ['#DIV/0!', '-nan', '#REF!', 'inf']
    const {coefficients, warnings} = await report('x', (i) => words[i] ?? Math.sin(i).toFixed(3))
    expect(coefficients[0]?.terms.map(({kind}) => kind)).toEqual(['numeric', 'missing'])
    expect(warnings.join(' ')).toContain('treated as missing: x')
  })

  it('of numbers with a few texts among them are texts, and the report warns of it', async () => {
    const {warnings, leftOut} = await report('x,kind', (i) =>
      [i === 7 ? 'o.5' : i === 8 ? 'n. k.' : Math.sin(i).toFixed(3), i % 4 === 3 ? 'other' : i % 4].join(','),
    )
    expect(leftOut).toEqual([{column: 'x', reason: 'identifier'}])
    expect(warnings).toEqual([
      'Column x was read as text, since a few of its values are not numbers (o.5, n. k.). Fix them, or leave them empty, to have it read as numbers.',
    ])
  })

  it('may have numbers for names, which is said', async () => {
    const {assumptions} = await report('0.5,red', (i) => `${Math.sin(i)},${'ab'[i % 2]}`)
    expect(assumptions).toContain('The first line is the header, although names in it are numbers: 0.5.')
  })

  it.each([
    ['0.5,1', ['The first line looks like data, not like names (0.5, 1)']],
    ['2025,bankrupt', []],
  ])('are doubted where one is a number and the last one a class: %s', async (names, doubts) => {
    const content = `company,${names}\n${rows.map((i) => `A,${Math.sin(i)},${i % 2}\n`).join('')}`
    const {warnings} = (await processFile(content)).report
    expect(warnings.map((warning) => warning.replace('company, ', '').split(':')[0])).toEqual(doubts)
  })

  it('of truth values are categories, whatever they are called', async () => {
    const {coefficients, leftOut} = await report('a,b,c', (i) =>
      [i % 2 ? 'true' : 'FALSE', i % 3 ? 'yes' : 'no', i % 5 ? 1 : 0].join(','),
    )
    expect(leftOut).toEqual([])
    expect(coefficients[0]?.terms.map(({column, level}) => [column, level])).toEqual([
      ['c', undefined],
      ['a', 'FALSE'],
      ['a', 'true'],
      ['b', 'no'],
      ['b', 'yes'],
    ])
  })

  it('may be ten thousand', async () => {
    const header = Array.from({length: 9999}, (_, j) => `x${j}`).join(',')
    const {leftOut, coefficients} = await report(header, (i) =>
      Array.from({length: 9999}, (_, j) => (j % 100 === 0 ? Math.sin(i * j + i) : 'same')).join(','),
    )
    expect(leftOut).toHaveLength(9899)
    expect(leftOut[0]).toEqual({column: 'x1', reason: 'constant'})
    expect(coefficients[0]?.terms).toHaveLength(100)
  })

  it('that are all left out leave the shares of the classes', async () => {
    const {warnings, coefficients} = await report('id', (i) => String(i))
    expect(warnings[0]).toContain('No column was left')
    expect(coefficients[0]?.terms).toEqual([])
    expect(coefficients[0]?.intercept).toBeCloseTo(Math.log(14 / 26), 10)
  })

  it('turn to text by a single late word, with all values as they were written', async () => {
    const {coefficients} = await report('code', (i) => (i === 39 ? 'none of them' : `0${i % 3}`))
    expect(coefficients[0]?.terms.map(({level}) => level)).toEqual(['00', '01', '02', 'none of them'])
  })

  it('of the same name are distinguished by position', async () => {
    const {coefficients} = await report('x,x,', (i) => `${Math.sin(i)},${Math.cos(i)},${Math.cos(i * 3)}`)
    expect(coefficients[0]?.terms.map(({column}) => column)).toEqual([
      'x (column 1)',
      'x (column 2)',
      'column 3',
    ])
  })

  it.each(['', 'Unnamed: 0'])(
    'of an index that pandas wrote as "%s" are left out, even shuffled',
    async (name) => {
      const {leftOut} = await report(`${name},x`, (i) => `${(i * 7) % 40},${Math.sin(i)}`)
      expect(leftOut).toEqual([{column: name || 'column 1', reason: 'identifier'}])
    },
  )

  it('with gaps get an indicator, or a level for what is missing', async () => {
    const {coefficients, warnings} = await report('x,kind', (i) =>
      i % 10 === 0 ? '?,n/a' : i % 10 === 1 ? 'inf,a' : `${Math.sin(i)},${'ab'[i % 2]}`,
    )
    expect(coefficients[0]?.terms.map(({column, kind, level}) => [column, kind, level])).toEqual([
      ['x', 'numeric', undefined],
      ['x', 'missing', undefined],
      ['kind', 'category', 'a'],
      ['kind', 'category', 'b'],
      ['kind', 'category', '(missing)'],
    ])
    expect(warnings.join(' ')).toContain('treated as missing: x')
  })

  it('with very many values keep the most frequent hundred', async () => {
    const values = Array.from({length: 600}, (_, i) => (i < 400 ? `often${i % 100}` : `rare${i % 110}`))
    const text = `kind,y\n${values.map((value, i) => `${value},${i % 2}\n`).join('')}`
    const {report: found} = await processFile(text)
    const levels = found.coefficients[0]?.terms.map(({level}) => level) ?? []
    expect(levels).toHaveLength(101)
    expect(levels.filter((level) => level?.startsWith('rare'))).toEqual([])
    expect(levels.at(-1)).toBe('(other)')
    expect(found.warnings.join(' ')).toContain('most frequent')
  })
})

describe('the label', () => {
  const text = 'a,b,y\n1,0,x\n2,1,z\n3,1,x\n5,0,z\n4,1,\n2,0,NaN\n'

  it('is named by the object before the pipeline, and is the last column otherwise', async () => {
    const ofObject = await processFile(text, {labelColumn: 'b', environment: {LABEL_COLUMN: 'y'}})
    expect(ofObject.report.label).toMatchObject({column: 'b', chosenBy: 'object'})
    const ofPipeline = await processFile(text, {environment: {LABEL_COLUMN: 'b'}})
    expect(ofPipeline.report.label).toMatchObject({column: 'b', chosenBy: 'pipeline'})
    const last = await processFile(text)
    expect(last.report.label).toEqual({
      column: 'y',
      chosenBy: 'last-column',
      classes: [
        {name: 'x', rows: 2},
        {name: 'z', rows: 2},
      ],
    })
    expect(last.report.rows).toEqual({total: 6, labelled: 4, predicted: 2})
  })

  it('is the last column with a name where each line ends in a delimiter', async () => {
    const {report, lines} = await processFile('a,b,y,\n1,0,x,\n2,1,z,\n3,1,x,\n4,1,z,\n')
    expect(report.label).toMatchObject({column: 'y', chosenBy: 'last-column'})
    expect(report.leftOut).toEqual([{column: 'column 4', reason: 'empty'}])
    expect(lines[1]).toMatch(/^1,0,x,,[xz],/)
  })

  it('is found whatever blanks are in its name', async () => {
    const named = {labelColumn: 'is bad'}
    const {report} = await processFile('a,is\u00a0 bad\u200b\n1,0\n2,1\n3,1\n5,0\n', named)
    expect(report.label).toMatchObject({column: 'is\u00a0 bad\u200b', chosenBy: 'object'})
    const both = await processFile('is  bad,is bad\n1,0\n2,1\n3,1\n5,0\n', named)
    expect(both.report.coefficients[0]?.terms[0]).toMatchObject({column: 'is  bad'})
  })

  it('warns of classes that look like the same', async () => {
    const {report} = await processFile('a,y\n1,Yes\n2,yes\n3,1\n5,01\n4,no\n')
    expect(report.warnings[0]).toBe(
      'These classes are treated as different although they look the same: 01, 1, Yes, yes.',
    )
  })

  it('has its classes in the order of their numbers', async () => {
    const {report} = await processFile(
      `a,y\n${[10, 9, 100, 10, 9, 100].map((y, i) => `${i % 4},${y}\n`).join('')}`,
    )
    expect(report.label.classes.map(({name}) => name)).toEqual(['9', '10', '100'])
  })

  it.each(['None', '<NA>', '-', '\\N', 'nil', 'NaT', '.', 'NULL'])(
    'is missing where a program wrote %s, as in any column',
    async (word) => {
      const {report: found} = await processFile(
        `a,kind,y\n${Array.from({length: 40}, (_, i) => `${i % 7 ? Math.sin(i) : word},${i % 5 ? 'st'[i % 2] : word},${i % 4 ? i % 3 > 0 : word}\n`).join('')}`,
      )
      expect(found.label.classes.map(({name}) => name)).toEqual(['false', 'true'])
      expect(found.rows.predicted).toBe(10)
      expect(
        found.coefficients[0]?.terms.map(({column, kind, level}) => level ?? `${column} ${kind}`),
      ).toEqual(['a numeric', 'a missing', 's', 't', '(missing)'])
    },
  )

  it('may be named like a tag', async () => {
    const {report: found} = await processFile(`<script>alert(1)</script>,y\n1,a\n2,b\n3,a\n4,b\n`)
    expect(found.coefficients[0]?.terms[0]?.column).toBe('<script>alert(1)</script>')
  })

  it.each(['PAR1', 'PAR1 x', 'PARENT', 'BZhang', 'SQLite format 3', `${'x'.repeat(256)}mustard`])(
    'may be in a file that begins like one of another format: %s',
    async (name) => {
      const {report: found} = await processFile(`${name},y\n1,a\n2,b\n3,a\n4,b\n`)
      expect(found.coefficients[0]?.terms[0]?.column).toBe(name)
    },
  )

  it('has one class for labels that mean the same', async () => {
    const {report: found} = await processFile('a,y\n1,0\n2,0.0\n3,1\n5,1.0\n4,1\n')
    expect(found.label.classes).toEqual([
      {name: '0', rows: 2},
      {name: '1', rows: 3},
    ])
    const {report: words} = await processFile('a,y\n1,True\n2,TRUE\n3,false\n5,true\n4,False\n')
    expect(words.label.classes).toEqual([
      {name: 'True', rows: 3},
      {name: 'false', rows: 2},
    ])
  })

  it('may be + and -', async () => {
    const {report} = await processFile('a,y\n1,+\n2,-\n3,+\n4,-\n5,?\n')
    expect(report.rows).toEqual({total: 5, labelled: 4, predicted: 1})
  })
})
