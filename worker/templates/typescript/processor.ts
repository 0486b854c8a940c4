import type {Readable} from 'node:stream'
import {PermanentError, type Processor} from 'cloud-runner/worker'

/** One file in, one file out: adds the total to each order in a file of JSON lines. Replace it with your own work. */
export const processor: Processor = {
  name: 'order-totals',

  async process(input, output, context) {
    output.setContentType('application/x-ndjson')
    let number = 0
    let orders = 0
    let sum = 0
    for await (const line of linesOf(await input.open())) {
      // Aborted at shutdown and shortly before the delivery's deadline: stop, and the file is delivered again.
      context.signal.throwIfAborted()
      number += 1
      if (line.trim() === '') continue
      const order = parseOrder(line, number)
      const total = Math.round(order.quantity * order.price * 100) / 100
      orders += 1
      sum += total
      await output.write(`${JSON.stringify({...order, total})}\n`)
    }
    // Written beside the result, as _cloud-runner/<object>/report.json.
    output.sidecar('report.json', {orders, sum})
    context.log('INFO', `Added up ${orders} orders`, {orders, sum})
  },
}

/** @throws PermanentError, which becomes the file's result, since a retry would not help. Anything else is retried. */
function parseOrder(line: string, number: number): {quantity: number; price: number} {
  const order = parseObject(line)
  const {quantity, price} = order
  if (typeof quantity === 'number' && typeof price === 'number') return {...order, quantity, price}
  throw new PermanentError('An order needs a quantity and a price, both numbers.', {
    code: 'not-an-order',
    line: number,
    suggestions: ['Write each order on a line of its own: {"item": "apples", "quantity": 3, "price": 0.5}'],
  })
}

function parseObject(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? {...value} : {}
  } catch {
    return {}
  }
}

/** The lines of a stream, without line ends; an error in the stream is thrown where it occurs. */
async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of stream.setEncoding('utf8')) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
