import {buffer} from 'node:stream/consumers'
import {PermanentError, type Processor} from '../../worker/processor.ts'

/** Writes capitals; several tasks of a job do, each those of some bytes. */
export const letters: Processor = {
  name: 'letters',
  async process(input, output, {tasks}) {
    const text = await buffer(await input.open())
    if (text.includes('!')) throw new PermanentError('It has an exclamation mark.', {code: 'loud', line: 1})
    if (tasks === undefined) return output.write(text.toString().toUpperCase())
    const size = Math.ceil(text.length / tasks.count)
    const ranges = Array.from({length: Math.ceil(text.length / size)}, (_, part) => ({
      start: part * size,
      end: Math.min(text.length, (part + 1) * size),
    }))
    const lengths = await tasks.share(ranges.map((range) => Buffer.from(JSON.stringify(range))))
    output.sidecar('report.json', {lengths: lengths.map(Number)})
  },
  parts: {
    suit: async (input) => !(await buffer(await input.open({start: 0, end: 1}))).equals(Buffer.from('{')),
    async write(part, input, output) {
      const {start, end}: {start: number; end: number} = JSON.parse(part.toString())
      const text = await buffer(await input.open({start, end}))
      await output.write(text.toString().toUpperCase())
      return Buffer.from(String(text.length))
    },
  },
}
