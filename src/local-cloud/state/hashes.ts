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

/** Which hashes are wanted, beside MD5. */
export interface HashOptions {
  readonly sha256?: boolean
  /** Unless it is `false`: that of no bytes then. */
  readonly crc32c?: boolean
}

/** Takes bytes as they come. */
export class Hashes {
  readonly #md5 = createHash('md5')
  readonly #sha256
  readonly #hasCrc32c: boolean
  #crc32c = 0

  constructor({sha256 = false, crc32c: hasCrc32c = true}: HashOptions) {
    this.#sha256 = sha256 ? createHash('sha256') : undefined
    this.#hasCrc32c = hasCrc32c
  }

  update(chunk: Uint8Array): void {
    this.#md5.update(chunk)
    this.#sha256?.update(chunk)
    if (this.#hasCrc32c) this.#crc32c = crc32c(chunk, this.#crc32c)
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
