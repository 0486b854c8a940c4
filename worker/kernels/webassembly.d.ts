/** Node's types lack it; this is the part that is used here (webassembly.github.io/spec/js-api). */
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: 'WebAssembly.Module'
  }
  const Module: new (bytes: Uint8Array) => Module

  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, Memory>>)
    readonly exports: object
  }

  /** Of pages of 64 KiB. */
  class Memory {
    constructor(pages: {initial: number; maximum?: number; shared?: boolean})
    /** Another one after each growth, which detaches the views of the one before unless they are shared. */
    readonly buffer: ArrayBufferLike
    grow(pages: number): number
  }
}
