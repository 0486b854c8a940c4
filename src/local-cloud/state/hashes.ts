import {createHash} from 'node:crypto'
import {crc32c} from '@node-rs/crc32'
import {crc32cBase64} from './crc32c.ts'

/** Hashes of the same bytes. */
export interface Digests {
  /** Base64, as Cloud Storage shows them (crc32c big-endian). */
  readonly md5: string
  readonly crc32c: string
  /** Hexadecimal, as registries use it; only if requested. */
  readonly sha256: string | undefined
}

/** Takes bytes as they come. */
export class Hashes {
  readonly #md5 = createHash('md5')
  readonly #sha256
  #crc32c = 0

  constructor({sha256 = false}: {sha256?: boolean}) {
    this.#sha256 = sha256 ? createHash('sha256') : undefined
  }

  update(chunk: Uint8Array): void {
    this.#md5.update(chunk)
    this.#sha256?.update(chunk)
    this.#crc32c = crc32c(chunk, this.#crc32c)
  }

  /** To be called once. */
  digest(): Digests {
    return {
      md5: this.#md5.digest('base64'),
      crc32c: crc32cBase64(this.#crc32c),
      sha256: this.#sha256?.digest('hex'),
    }
  }
}
