import {
  generateKeyPairSync as generate,
  type KeyObject,
  randomBytes as realBytes,
  randomInt as realInt,
  randomUUID as realUuid,
} from 'node:crypto'
import {promisify} from 'node:util'
import {theProcess, theWorld} from '../world.ts'

/** In place of `node:crypto`: the same, with randomness by the seed, and one key of each kind. */
export * from 'node:crypto'

export function randomBytes(size: number): Buffer {
  if (theProcess() === undefined) return realBytes(size)
  return Buffer.from(Array.from({length: size}, () => theWorld().whole(0, 255)))
}

export function randomInt(first: number, second?: number): number {
  const [least, below] = second === undefined ? [0, first] : [first, second]
  return theProcess() === undefined ? realInt(least, below) : theWorld().whole(least, below - 1)
}

export function randomUUID(): string {
  if (theProcess() === undefined) return realUuid()
  const hex = randomBytes(16).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`
}

interface Pair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const pairs = new Map<string, Pair>()

export function generateKeyPairSync(type: 'rsa' | 'ec'): Pair {
  const known = pairs.get(type)
  if (known !== undefined) return known
  const pair = type === 'rsa' ? generate('rsa', {modulusLength: 2048}) : generate('ec', {namedCurve: 'P-256'})
  pairs.set(type, pair)
  return pair
}

export const generateKeyPair = Object.assign(() => {}, {
  [promisify.custom]: (type: 'rsa' | 'ec'): Promise<Pair> => Promise.resolve(generateKeyPairSync(type)),
})
