import compiled from './kernels.json' with {type: 'json'}

const PAGE_BYTES = 64 * 1024
/** All that WebAssembly can address; the system gives what is written to. */
const MOST_PAGES = 64 * 1024
/** Of a vector: two doubles. */
const ALIGNMENT = 16

/** What `assembly/index.ts` exports. Places are offsets in bytes. */
export interface Kernels {
  splitRecords(
    bytes: number,
    from: number,
    to: number,
    delimiter: number,
    columns: number,
    most: number,
    starts: number,
    stops: number,
    ends: number,
  ): number
  decimals(
    bytes: number,
    starts: number,
    stops: number,
    step: number,
    records: number,
    powers: number,
    values: number,
    others: number,
  ): number
  crc32cTables(tables: number): void
  /** @returns signed */
  crc32c(crc: number, bytes: number, length: number, tables: number): number
  appendPredictions(
    bytes: number,
    start: number,
    ends: number,
    position: number,
    records: number,
    labels: number,
    texts: number,
    probabilities: number,
    classes: number,
    marks: number,
    to: number,
    limit: number,
  ): number
  probability(value: number, mark: number, to: number): number
  factorRow(triangle: number, size: number, i: number): number
  sortingKeys(numbers: number, count: number, places: number): void
  sortByDigit(keys: number, count: number, digit: number, places: number, to: number): number
  numbersOfKeys(keys: number, count: number): void
  widen(from: number, count: number, to: number): void
  survey(
    numbers: number,
    count: number,
    low: number,
    high: number,
    middle: number,
    unit: number,
    stats: number,
    among: number,
  ): number
  normalScores(numbers: number, count: number, from: number, scores: number, knots: number, to: number): void
  standardize(
    numbers: number,
    count: number,
    missing: number,
    factor: number,
    middle: number,
    width: number,
    to: number,
  ): void
  indicate(numbers: number, count: number, present: number, absent: number, to: number): void
  lookUp(codes: number, count: number, places: number, to: number, step: number): void
  scatterDoubles(rows: number, width: number, count: number, places: number, to: number): void
  scatterFloats(rows: number, width: number, count: number, places: number, to: number): void
  scatterIntegers(rows: number, width: number, count: number, places: number, to: number): void
  gatherPresent(numbers: number, rows: number, base: number, count: number, to: number): number
  rowsOf(from: number, room: number, columns: number, rows: number, to: number, width: number): void
  scores(
    values: number,
    width: number,
    ones: number,
    categories: number,
    rows: number,
    weights: number,
    to: number,
    outputs: number,
  ): void
  probabilities(odds: number, rows: number, ofFirst: number, ofSecond: number): void
  lossOfTwo(odds: number, classes: number, rows: number, residuals: number, sums: number): void
  addGradient(
    values: number,
    width: number,
    ones: number,
    categories: number,
    rows: number,
    residuals: number,
    outputs: number,
    to: number,
  ): void
  shuffle(items: number, count: number, seed: number, drawn: number): void
  traceThresholds(
    own: number,
    ownCount: number,
    others: number,
    othersCount: number,
    points: number,
    roc: number,
    recalls: number,
  ): number
  takeUpTo(
    own: number,
    ownCount: number,
    others: number,
    othersCount: number,
    wanted: number,
    places: number,
  ): number
  countSteps(scores: number, count: number, steps: number, to: number): void
  placements(scores: number, count: number, among: number, amongCount: number, sums: number): void
  select(numbers: number, count: number, rank: number): number
  greatest(numbers: number, count: number, isAbsolute: number): number
  passOfTwo(
    values: number,
    isFloat: number,
    widened: number,
    width: number,
    ones: number,
    categories: number,
    levels: number,
    classes: number,
    rows: number,
    blockRows: number,
    weights: number,
    odds: number,
    gradient: number,
    sums: number,
    hessian: number,
    mixed: number,
    pairs: number,
    weighted: number,
  ): void
  assembleHessian(
    numbers: number,
    mixed: number,
    pairs: number,
    width: number,
    dense: number,
    levels: number,
    size: number,
    all: number,
    k: number,
    l: number,
    to: number,
  ): void
  dropMissing(values: number, classes: number, count: number): number
  dealInTurn(
    values: number,
    classes: number,
    count: number,
    parts: number,
    classCount: number,
    counts: number,
    ends: number,
    toValues: number,
    toClasses: number,
  ): void
  toUnits(values: number, count: number, factor: number, shift: number, to: number): void
  addLossesOfLines(
    values: number,
    classes: number,
    own: number,
    count: number,
    ends: number,
    parts: number,
    start: number,
    losses: number,
  ): void
  differences(before: number, after: number, count: number, sums: number): void
  curvature(probabilities: number, outputs: number, k: number, l: number, rows: number, to: number): void
  addHessian(
    values: number,
    width: number,
    ones: number,
    categories: number,
    levels: number,
    rows: number,
    weights: number,
    weighted: number,
    numbers: number,
    mixed: number,
    pairs: number,
  ): void
}

type Modules = Record<'wasm' | 'shared', WebAssembly.Module | undefined>

const modules: Modules = {wasm: undefined, shared: undefined}

/**
 * Memory that kernels compute in, and the kernels over it. It grows with what is claimed of it, and is collected with
 * its owner, unless that hands it on ({@link ScratchPool}). Views are detached when it grows: get them when they are needed.
 */
export class Scratch {
  readonly kernels: Kernels
  readonly memory: WebAssembly.Memory
  readonly #limit: number
  #end: number

  /** Memory that other threads can use, too. */
  static shared(): Scratch {
    return new Scratch(new WebAssembly.Memory({initial: 1, maximum: MOST_PAGES, shared: true}))
  }

  /**
   * @param memory of another thread
   * @param end from where on memory may be claimed, which that thread has claimed for this one
   * @param limit up to where
   */
  constructor(memory = new WebAssembly.Memory({initial: 1}), end = ALIGNMENT, limit = Infinity) {
    const kind = memory.buffer instanceof SharedArrayBuffer ? 'shared' : 'wasm'
    const module = (modules[kind] ??= new WebAssembly.Module(Buffer.from(compiled[kind], 'base64')))
    const {exports} = new WebAssembly.Instance(module, {env: {memory}})
    if (!isKernels(exports)) throw new TypeError('The kernels lack a function')
    this.kernels = exports
    this.memory = memory
    this.#end = end
    this.#limit = limit
  }

  /** Where what is claimed next will be: {@link release} frees everything from there on. */
  get end(): number {
    return this.#end
  }

  release(end: number): void {
    this.#end = Math.max(ALIGNMENT, end)
  }

  /** Of the memory, in bytes. */
  get size(): number {
    return this.memory.buffer.byteLength
  }

  /** @returns the place of that many bytes, of any content */
  claim(bytes: number): number {
    const at = this.#end
    this.#end = at + Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
    if (this.#end > this.#limit) throw new RangeError('A thread claims more memory than it has')
    const missing = this.#end - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES))
    return at
  }

  doubles(at: number, count: number): Float64Array {
    return new Float64Array(this.memory.buffer, at, count)
  }

  bytes(at: number, count: number): Buffer {
    return Buffer.from(this.memory.buffer, at, count)
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, count)
  }

  shorts(at: number, count: number): Int16Array {
    return new Int16Array(this.memory.buffer, at, count)
  }

  integers(at: number, count: number): Int32Array {
    return new Int32Array(this.memory.buffer, at, count)
  }
}

/** More memory is left to the garbage collector, unless an owner says otherwise. */
const MOST_KEPT_BYTES = 4 * 1024 * 1024

/**
 * Hands the memory of one owner on to the next of its kind: the first touch of a page takes longer than most of what a
 * kernel does with it.
 */
export class ScratchPool {
  readonly #mostBytes: number
  #free: Scratch | undefined

  /** @param mostBytes that are kept */
  constructor(mostBytes = MOST_KEPT_BYTES) {
    this.#mostBytes = mostBytes
  }

  take(): Scratch {
    const scratch = this.#free ?? new Scratch()
    this.#free = undefined
    return scratch
  }

  /** @param scratch which its owner uses no more */
  give(scratch: Scratch): void {
    if (scratch.size > this.#mostBytes) return
    scratch.release(0)
    this.#free = scratch
  }
}

const NAMES = [
  'splitRecords',
  'decimals',
  'crc32cTables',
  'crc32c',
  'appendPredictions',
  'probability',
  'factorRow',
  'sortingKeys',
  'sortByDigit',
  'numbersOfKeys',
  'survey',
  'normalScores',
  'standardize',
  'indicate',
  'lookUp',
  'scatterDoubles',
  'scatterFloats',
  'scatterIntegers',
  'gatherPresent',
  'rowsOf',
  'widen',
  'scores',
  'probabilities',
  'lossOfTwo',
  'addGradient',
  'curvature',
  'addHessian',
  'assembleHessian',
  'passOfTwo',
  'dropMissing',
  'shuffle',
  'traceThresholds',
  'takeUpTo',
  'countSteps',
  'placements',
  'select',
  'greatest',
  'dealInTurn',
  'toUnits',
  'addLossesOfLines',
  'differences',
] as const satisfies readonly (keyof Kernels)[]

function isKernels(exports: object): exports is Kernels {
  return NAMES.every((name) => typeof Reflect.get(exports, name) === 'function')
}
