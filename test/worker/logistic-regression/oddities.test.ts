import {describe, expect, it} from 'vitest'
import {faultOf, processFile} from '../../support/process-file.ts'

const rows = Array.from(
  {length: 40},
  (_, i) => `${Math.sin(i).toFixed(3)},${Math.cos(i * i).toFixed(3)},${(i * 7) % 3 === 0 ? 1 : 0}`,
)
const plain = `a,b,y\n${rows.join('\n')}\n`

const inResult = async (content: string) => {
  const {lines, report, logs} = await processFile(content)
  expect(logs.filter(({severity}) => severity === 'WARNING').map(({message}) => message)).toEqual(
    report.warnings,
  )
  return {lines, warnings: report.warnings, report}
}

describe('lines that are neither header nor row are left out of the model and the result', () => {
  const cases: [what: string, content: string, warning: string][] = [
    ['a header once more', `${plain}${plain}`, 'One line repeats the header and was left out.'],
    [
      'headers once more, quoted and unquoted',
      `${plain}"a","b","y"\n${rows[0]}\na,b,y\n${rows[1]}\n`,
      '2 lines repeat the header and were left out.',
    ],
    [
      'a line of units',
      plain.replace('y\n', 'y\nEUR,m2,[0/1]\n'),
      'The line below the header names units instead of values, and was left out: EUR, m2, [0/1].',
    ],
    [
      'a comment with commas',
      `# export, by ERP, v2\n${plain}`,
      'The first line is a title or comment, not the header, and was left out.',
    ],
    [
      'titles',
      `Report of the ERP\n\nBerlin; 2024, all branches\n${plain}`,
      'The first 2 lines are titles or comments, not the header, and were left out.',
    ],
    ['a footer of psql', `${plain}(40 rows)\n`, 'Lines after the last row were left out: (40 rows).'],
    [
      'a footer of SQL Server',
      `${plain}\n(40 rows affected)\n`,
      'Lines after the last row were left out: (40 rows affected).',
    ],
    ['Ctrl-Z', `${plain}\u001A`, 'Lines after the last row were left out: Ctrl-Z.'],
    [
      'Ctrl-Z after a row',
      `${plain.trimEnd()}\u001A\u001A`,
      'Lines after the last row were left out: Ctrl-Z.',
    ],
  ]

  it.each(cases)('%s', async (_, content, warning) => {
    const {lines, warnings, report} = await inResult(content)
    expect(warnings).toEqual([warning])
    expect(report.label.classes.map(({name}) => name)).toEqual(['0', '1'])
    expect(lines).toHaveLength(report.rows.total + 1)
    expect(lines[0]).toBe('a,b,y,prediction,probability_0,probability_1')
    expect(lines[1]?.startsWith(`${rows[0]},`)).toBe(true)
    for (const chunkBytes of [1, 7, 100])
      expect((await processFile(content, {chunkBytes})).lines).toEqual(lines)
  })

  it('with a byte order mark before them', async () => {
    const {lines} = await inResult(`\uFEFF# a title\n${plain}`)
    expect(lines[0]).toBe('\uFEFFa,b,y,prediction,probability_0,probability_1')
  })

  it('but only where that is clear', async () => {
    // A name that starts with #, units that are values, and a header that may be a row.
    const named = await processFile(plain.replace('a,', '#a,'))
    expect(named.report.warnings).toEqual([])
    expect(named.report.coefficients[0]?.terms[0]?.column).toBe('#a')
    const texts = await processFile(
      `a,b,y\nred,long,no\n${rows.map((_, i) => `${i % 2 ? 'red' : 'blue'},long,${i % 3 ? 'no' : 'yes'}`).join('\n')}`,
    )
    expect(texts.report.rows.total).toBe(41)
    const missing = await processFile(plain.replace('y\n', 'y\nNA,-,\n'))
    expect(missing.report.rows).toEqual({total: 41, labelled: 40, predicted: 1})
    const headless = await processFile(
      rows.map((_, i) => `${i % 2 ? 'red' : 'blue'},${i % 3 ? 'no' : 'yes'}\n`).join(''),
    )
    expect(headless.report.rows.total).toBe(39)
  })
})

describe('a total below the rows', () => {
  const table = (last: (a: number, b: number) => string, mark = '.'): string => {
    const pairs = Array.from({length: 40}, (_, i) => [Math.round(100 * Math.sin(i)), (i * 31) % 17] as const)
    const decimals = (value: number): string => (value / 100).toFixed(2).replace('.', mark)
    const sums = pairs.reduce(([a, b], [x, z]) => [a + x, b + z] as const, [0, 0] as const)
    return [
      'branch;a;b;y',
      ...pairs.map(([x, z], i) => `B${i % 7};${decimals(x)};${z};${(i * 7) % 3 === 0 ? 1 : 0}`),
      last(...sums).replace('A', decimals(sums[0])),
      '',
    ].join('\n')
  }

  it.each<[what: string, mark: string, last: (a: number, b: number) => string, footer: RegExp]>([
    ['in the first column', '.', (_, b) => `Total;A;${b};14`, /left out: Total;-?[\d.]+;\d+;14\.$/],
    ['of decimal commas', ',', (_, b) => `Summe:;A;${b};`, /left out: Summe:;-?[\d,]+;\d+;\.$/],
    ['in a column of numbers', '.', () => ';A;Grand total;', /left out: ;-?[\d.]+;Grand total;\.$/],
  ])('is left out if its numbers are the sums: %s', async (_, mark, last, footer) => {
    const {lines, warnings, report} = await inResult(table(last, mark))
    expect(warnings).toEqual([expect.stringMatching(footer)])
    expect(report.rows).toEqual({total: 40, labelled: 40, predicted: 0})
    expect(report.coefficients[0]?.terms.filter(({kind}) => kind === 'numeric')).toHaveLength(2)
    expect(lines).toHaveLength(41)
  })

  it.each<[what: string, last: (a: number, b: number) => string]>([
    ['its numbers are others', (_, b) => `Total;A;${b + 1};1`],
    ['it has none', () => 'Total;;;1'],
    ['it does not say so', (_, b) => `B1;A;${b};1`],
  ])('is a row if %s', async (_, last) => {
    const {report, lines} = await inResult(table(last))
    expect(report.rows.total).toBe(41)
    expect(lines).toHaveLength(42)
  })
})

describe('a last row that only looks like a total', () => {
  const pairs = Array.from({length: 40}, (_, i) => [i % 4 === 0 ? 1 : -1, (i * 7) % 3 === 0 ? 1 : 0] as const)
  it.each<[what: string, rows: readonly string[], last: string]>([
    ['its word recurs', pairs.map(([, y], i) => `${['sum', 'total', 'avg'][i % 3]},0,${y}`), 'total,0,1'],
    [
      'another word for it occurs',
      pairs.map(([a, y], i) => `${i % 2 ? 'sum' : 'avg'},${a},${y}`),
      'total,-20,',
    ],
    ['its numbers are all 0', pairs.map(([, y], i) => `k${i % 3},0,${y}`), 'total,0,'],
    ['it has a class of other rows', pairs.map(([a, y], i) => `k${i % 3},${a},${y}`), 'total,-20,1'],
  ])('is a row if %s', async (_, above, last) => {
    const {lines, report} = await processFile(['kind,flag,y', ...above, last, ''].join('\n'))
    expect(report.rows.total).toBe(41)
    expect(lines.at(-1)).toMatch(new RegExp(`^${last},`))
  })
})

describe('a header that does not fit the rows', () => {
  it('lacks the name of the rows, as R writes it', async () => {
    const text = `"a","b","y"\n${rows.map((row, i) => `"${i + 1}",${row}\n`).join('')}`
    const {lines, warnings, report} = await inResult(text)
    expect(report.leftOut).toEqual([{column: 'column 1', reason: 'identifier'}])
    expect(warnings[0]).toContain('as R writes it')
    expect(lines[0]).toBe('"a","b","y",prediction,probability_0,probability_1')
    expect(lines[1]?.startsWith(`"1",${rows[0]},`)).toBe(true)
  })

  it('ends in a delimiter too many, or lacks the one that all rows end in', async () => {
    const {lines, report} = await inResult(plain.replace('y\n', 'y,\n'))
    expect(lines[0]).toBe('a,b,y,prediction,probability_0,probability_1')
    expect(report.label.column).toBe('y')
    const longer = await inResult(`a,b,y\n${rows.map((row) => `${row},\n`).join('')}`)
    expect(longer.lines[0]).toBe('a,b,y,,prediction,probability_0,probability_1')
    expect(longer.lines[1]?.startsWith(`${rows[0]},,`)).toBe(true)
    expect(longer.report.leftOut).toEqual([{column: 'column 4', reason: 'empty'}])
    expect(longer.report.label.column).toBe('y')
  })
})

describe('quotes within a field', () => {
  it('are characters', async () => {
    const text = `name,x,y\n${rows.map((_, i) => `monitor ${20 + (i % 3)}",${Math.sin(i)},${i % 2}\n`).join('')}`
    const {lines, report} = await inResult(text)
    expect(report.coefficients[0]?.terms.flatMap(({level}) => level ?? [])).toEqual([
      'monitor 20"',
      'monitor 21"',
      'monitor 22"',
    ])
    expect(lines[1]?.startsWith('monitor 20",0,0,')).toBe(true)
  })

  it.each(['="00001"', '"=""00001"""'])('mark a text, as Excel does: %s', async (code) => {
    const text = `zip,x,y\n${rows.map((_, i) => `${code.replace('1', String(i % 3))},${Math.sin(i)},${i % 2}\n`).join('')}`
    const {report} = await inResult(text)
    expect(report.coefficients[0]?.terms.flatMap(({level}) => level ?? [])).toEqual([
      '00000',
      '00001',
      '00002',
    ])
    expect(report.warnings).toEqual([])
  })
})

describe('a column of distinct whole numbers', () => {
  it('is an index if it has no name, and a feature if it is called like one', async () => {
    const of = (name: string) =>
      `${name},x,y\n${rows.map((_, i) => `${(i * 7) % 40},${Math.sin(i)},${i % 2}\n`).join('')}`
    expect((await processFile(of('column 1'))).report.leftOut).toEqual([])
    expect((await processFile(of(''))).report.leftOut).toEqual([{column: 'column 1', reason: 'identifier'}])
  })
})

describe('a row that does not fit the header gets the remedy that fits', () => {
  it.each([
    [`${plain}Total: 40\n${rows[0]}`, 'If that line is a title, note or total, remove it'],
    [`${plain}(40 rows)\n${rows[0]}`, 'If that line is a title, note or total, remove it'],
    [`${plain}1;2;0\n`, 'That line has another delimiter: write commas in all lines'],
    [`${plain}1,2\n`, 'Add the missing fields'],
    [`${plain}1,2,0,\n`, 'Remove the comma at the end of that line'],
    [
      `${plain}red, or so,2,0\n`,
      'Put fields that contain a comma in double quotes, numbers with decimal commas included.',
    ],
  ])('%#', async (content, remedy) => {
    const {code, suggestions} = await faultOf(content)
    expect(code).toBe('ragged-row')
    expect(suggestions[0]).toContain(remedy)
  })
})
