import {describe, expect, it} from 'vitest'
import {Lines} from '../../../src/local-cloud/instances/lines.ts'

function split(chunks: readonly (string | Buffer)[], limit = 100): string[] {
  const taken: string[] = []
  const lines = new Lines((line) => taken.push(line), limit)
  for (const chunk of chunks) lines.push(Buffer.from(chunk))
  lines.end()
  return taken
}

describe('lines of output', () => {
  it('are put together over chunks, whatever the chunks cut', () => {
    const bytes = Buffer.from('zwölf\r\nBoxkämpfer €\n\nrest')
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = Array.from({length: Math.ceil(bytes.length / size)}, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      )
      expect(split(chunks)).toEqual(['zwölf', 'Boxkämpfer €', '', 'rest'])
    }
  })

  it('are cut if too long, between characters', () => {
    expect(split(['abcdef\n', 'gh\n'], 4)).toEqual(['abcd', 'gh'])
    expect(split(['ab€d', 'ef\nok'], 4)).toEqual(['ab', 'ok'])
  })

  it('end with nothing where the last one has its end', () => {
    expect(split(['a\n'])).toEqual(['a'])
    expect(split([])).toEqual([])
  })
})
