import {text} from 'node:stream/consumers'
import {PermanentError, type Processor} from '../../worker/processor.ts'
import {theProcess, theWorld} from './world.ts'

/** What a file makes the process do; the first word of its content. */
export const KINDS = ['plain', 'slow', 'flaky', 'bad', 'several', 'poison', 'exits', 'hangs'] as const

export type Kind = (typeof KINDS)[number]

const LONGEST_WORK_MS = 70_000

/** The result of a file. */
export function resultFor(content: string): string {
  return `processed: ${content}`
}

/** Pass virtual time. */
function pass(ms: number): Promise<void> {
  return new Promise((resolve) => {
    theWorld().schedule(ms, resolve)
  })
}

/** A process that does as its file says: succeeds, fails, throws, hangs, takes its time or ends. */
export const simulatedProcessor: Processor = {
  name: 'simulated',
  async process(input, output, {signal}) {
    const world = theWorld()
    const content = await text(await input.open())
    const [kind = ''] = content.split(' ', 1)
    switch (kind) {
      case 'slow':
        await pass(world.whole(1000, LONGEST_WORK_MS))
        signal.throwIfAborted()
        break
      case 'flaky':
        if (world.chance(0.5)) throw new Error('a transient failure')
        break
      case 'bad':
        throw new PermanentError('This file can never be processed.', {code: 'BAD'})
      case 'poison':
        throw new Error('fails at each attempt')
      case 'exits': {
        const process = theProcess()
        if (process !== undefined && world.chance(0.7)) {
          world.end(process, {code: 1})
          await new Promise(() => {})
        }
        break
      }
      case 'hangs':
        await new Promise(() => {})
        break
      case 'several':
        for (const part of ['a', 'b']) {
          await pass(world.whole(0, 50))
          await output.file(`${input.object}.${part}`, {contentType: 'text/plain'}).write(resultFor(content))
        }
        return
      default:
        await pass(world.whole(0, 200))
    }
    await output.write(resultFor(content))
  },
}
