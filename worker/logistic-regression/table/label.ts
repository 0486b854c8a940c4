import {INPUT_METADATA, WORKER_ENVIRONMENT, type Report} from '../../contract.ts'
import type {ModelOptions} from '../../model-options.ts'
import {type InputFile, PermanentError, type ProcessContext} from '../../processor.ts'
import {isMissing} from '../csv/missing.ts'
import {listed, nearNames, typed} from './names.ts'

/** Distinct values up to which the last column becomes the label if none is named. */
const MOST_CLASSES_UNNAMED = 20
/** Distinct values beyond which even a named label is a number or text, not a class. */
const MOST_CLASSES_NAMED = 100
/** In a suggestion to choose one, which is useless among thousands. */
const NAMES_OF_A_FILE_SHOWN = 100

/** Beside its opposite a class; otherwise a sign for a missing label. */
const NEGATIVE = '-'
const POSITIVE = '+'

/** Which column was requested as the label, and where. */
export interface LabelChoice {
  name: string | undefined
  chosenBy: Report['label']['chosenBy']
  /** Classes of a pre-trained model. The file then needs no label column; two of its name are ignored. */
  classes?: readonly string[]
  /** The class that becomes the last of two. */
  positiveClass?: string
  /** Splits numbers at their median. */
  bins?: 2
}

/** The column to predict. */
export interface Label {
  name: string
  index: number
  chosenBy: Report['label']['chosenBy']
  /** In order: by number if all are numbers, by text otherwise. The last of two is the one whose odds are modeled. */
  classes: string[]
  /** Per row the index of its class, -1 if it has no label. */
  codes: Int32Array
  /** Per class its rows in the file, whether or not they were kept. */
  rows: number[]
  /** Rows with a label that a pre-trained model does not know: they count as unlabelled. */
  unknown: number
}

/** The object's metadata goes before the pipeline's setting; with neither, the last column is tried. */
export function chooseLabel(
  input: InputFile,
  environment: ProcessContext['environment'],
  {positiveClass, bins}: Pick<ModelOptions, 'positiveClass' | 'bins'> = {},
): LabelChoice {
  const options = {...(positiveClass !== undefined && {positiveClass}), ...(bins !== undefined && {bins})}
  const ofObject = input.metadata[INPUT_METADATA.labelColumn]?.trim()
  if (ofObject) return {name: ofObject, chosenBy: 'object', ...options}
  const ofPipeline = environment[WORKER_ENVIRONMENT.labelColumn]?.trim()
  if (ofPipeline) return {name: ofPipeline, chosenBy: 'pipeline', ...options}
  return {name: undefined, chosenBy: 'last-column', ...options}
}

/** Collects the label column of one file. */
export class LabelBuilder {
  readonly index: number
  readonly #name: string
  readonly #choice: LabelChoice
  readonly #header: readonly string[]
  /** The classes by what makes them equal, in the order of appearance, each as it was first written. */
  readonly #classes = new Map<string, {code: number; name: string}>()
  /** Rows of each. */
  readonly #counts: number[] = []

  /** @throws PermanentError `label-column-missing`, `label-column-ambiguous` */
  constructor(header: readonly string[], choice: LabelChoice) {
    this.#header = header
    this.#choice = choice
    this.index =
      choice.name === undefined
        ? // A delimiter at the end of each line makes one more column, without a name.
          header.findLastIndex((column) => column.trim() !== '')
        : choice.classes === undefined
          ? findColumn(header, choice.name)
          : onlyColumn(header, choice.name)
    this.#name = header[this.index]?.trim() ?? choice.name ?? ''
  }

  /**
   * The number of a label, in the order of appearance; -1 for a missing one.
   * @throws PermanentError `label-not-named`, `too-many-classes`
   */
  codeOf(text: string): number {
    if (isMissing(text) && text !== NEGATIVE) return -1
    const key = meaningOf(text)
    const known = this.#classes.get(key)
    if (known !== undefined) return known.code
    const limit = this.#mostValues
    if (this.#classes.size === limit) throw this.#tooManyClasses(limit)
    const code = this.#classes.size
    this.#classes.set(key, {code, name: text})
    return code
  }

  /** Counts rows by their codes, those from `from` to before `to`. */
  count(codes: Int32Array, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const code = codes[row] ?? -1
      if (code >= 0) this.#counts[code] = (this.#counts[code] ?? 0) + 1
    }
  }

  /** Distinct values that a label column may have. */
  get #mostValues(): number {
    if (this.#choice.bins !== undefined) return Infinity
    return this.#choice.name === undefined ? MOST_CLASSES_UNNAMED : MOST_CLASSES_NAMED
  }

  /** @throws PermanentError `option-class-missing` */
  #positiveLast(classes: string[]): string[] {
    const {positiveClass} = this.#choice
    if (positiveClass === undefined) return classes
    const positive = classes.find((name) => meaningOf(name) === meaningOf(positiveClass))
    if (positive === undefined || classes.length !== 2) {
      throw new PermanentError(
        `The label column ${this.#name} has no two classes of which one is ${positiveClass}, the positive class.`,
        {
          code: 'option-class-missing',
          column: this.#name,
          suggestions: [`Its classes are ${listed(classes)}; positiveClass names one of two.`],
        },
      )
    }
    return [...classes.filter((name) => name !== positive), positive]
  }

  /**
   * Two classes: the numbers up to the median, and those above it.
   * @throws PermanentError `bins-need-numbers`
   */
  #split(codes: Int32Array, names: readonly string[]): Label {
    const numbers = Float64Array.from(names, Number)
    const text = names.find((_, code) => !Number.isFinite(numbers[code]))
    const values = Float64Array.from(
      codes.filter((code) => code >= 0),
      (code) => numbers[code] ?? NaN,
    ).toSorted()
    const median = ((values[(values.length - 1) >> 1] ?? NaN) + (values[values.length >> 1] ?? NaN)) / 2
    // The most frequent number may be the highest, too.
    const bound =
      median < (values.at(-1) ?? NaN) ? median : (values.findLast((value) => value < median) ?? NaN)
    if (text !== undefined || Number.isNaN(bound)) {
      throw new PermanentError(
        text === undefined
          ? `The label column ${this.#name} has no two different numbers to split.`
          : `The label column ${this.#name} cannot be split in bins, since ${text} is not a number.`,
        {
          code: 'bins-need-numbers',
          column: this.#name,
          suggestions: ['Leave the option bins out, or name a column of numbers by --label-column.'],
        },
      )
    }
    const bins = [`up to ${bound}`, `above ${bound}`]
    const classes = this.#positiveLast(bins)
    const isReversed = classes[0] !== bins[0]
    return this.#assign(
      codes,
      Array.from(numbers, (value) => Number(value > bound !== isReversed)),
      classes,
    )
  }

  #tooManyClasses(limit: number): PermanentError {
    return this.#choice.name === undefined
      ? new PermanentError(
          `No label column was named, and the last column, ${this.#name}, has more than ${limit} distinct values.`,
          {
            code: 'label-not-named',
            column: this.#name,
            suggestions: [
              'Name the column to predict: cloud-runner upload FILE --label-column NAME',
              ...this.#binsIfNumbers(),
              `The columns are ${listed(this.#header)}.`,
            ],
          },
        )
      : new PermanentError(
          `The label column ${this.#name} has more than ${limit} distinct values: too many for classes.`,
          {
            code: 'too-many-classes',
            column: this.#name,
            suggestions: [
              'This is classification: name a column of classes with --label-column.',
              ...this.#binsIfNumbers(),
            ],
          },
        )
  }

  /** What to do about a label of numbers. */
  #binsIfNumbers(): string[] {
    return [...this.#classes.values()].every(({name}) => Number.isFinite(Number(name)))
      ? [
          `The worker predicts classes, not numbers: to split ${this.#name} at its median, type cloud-runner upload FILE --label-column ${typed(this.#name)} --bins 2`,
        ]
      : []
  }

  /**
   * @param codes of the rows; they become those of {@link Label}
   * @throws PermanentError `no-labelled-row`, `one-class`, `too-many-classes`
   */
  build(codes: Int32Array): Label {
    const names = [...this.#classes.values()].map(({name}) => name)
    const {classes} = this.#choice
    const isMinus = (classes ?? names).includes(POSITIVE)
    const missing = isMinus ? undefined : this.#classes.get(NEGATIVE)?.code
    if (missing !== undefined) {
      codes.forEach((code, row) => (codes[row] = code === missing ? -1 : code))
      this.#counts[missing] = 0
    }
    if (classes !== undefined) return this.#assign(codes, placesOf(names, classes), classes)
    if (this.#choice.bins !== undefined) return this.#split(codes, names)
    const found = names.filter((_, code) => code !== missing)
    if (found.length === 0) {
      throw new PermanentError(`No row has a label: the column ${this.#name} is empty.`, {
        code: 'no-labelled-row',
        column: this.#name,
        suggestions: [
          'Fill in the label of the rows to learn from, and leave it empty in the rows to predict.',
        ],
      })
    }
    if (found.length === 1) {
      throw new PermanentError(
        `The label column ${this.#name} has only one class, ${found[0]}: there is nothing to learn.`,
        {
          code: 'one-class',
          column: this.#name,
          suggestions: ['Add rows of at least one other class, or name another column with --label-column.'],
        },
      )
    }
    const rows = this.#counts.reduce((sum, count) => sum + count, 0)
    const remedy = this.#binsIfNumbers()
    if (found.length > MOST_CLASSES_UNNAMED && 2 * found.length > rows && remedy.length > 0) {
      throw new PermanentError(
        `The label column ${this.#name} has ${found.length} distinct numbers in ${rows} rows: a quantity, not classes.`,
        {
          code: 'too-many-classes',
          column: this.#name,
          suggestions: ['This is classification: name a column of classes with --label-column.', ...remedy],
        },
      )
    }
    const ordered = this.#positiveLast(inOrder(found))
    return this.#assign(codes, placesOf(names, ordered), ordered)
  }

  /**
   * Turns numbers in the order of appearance into indexes of classes.
   * @param places the class of each; -1 for one that a model does not know
   */
  #assign(codes: Int32Array, places: readonly number[], classes: readonly string[]): Label {
    codes.forEach((code, row) => (codes[row] = code < 0 ? -1 : (places[code] ?? -1)))
    const rows = classes.map(() => 0)
    let unknown = 0
    for (const [code, count] of this.#counts.entries()) {
      const place = places[code] ?? -1
      if (place < 0) unknown += count
      else rows[place] = (rows[place] ?? 0) + count
    }
    const {chosenBy} = this.#choice
    return {name: this.#name, index: this.index, chosenBy, classes: [...classes], codes, rows, unknown}
  }
}

/** The place of each name among classes, -1 for none. */
function placesOf(names: readonly string[], classes: readonly string[]): number[] {
  const place = new Map(classes.map((name, i) => [meaningOf(name), i]))
  return names.map((name) => place.get(meaningOf(name)) ?? -1)
}

/** Whether a cell of the label's column gives its row a class; one that a pre-trained model does not know gives none. */
export function isLabelled({classes, chosenBy}: Pick<Label, 'classes' | 'chosenBy'>, text: string): boolean {
  if (isMissing(text)) return classes.includes(text)
  return chosenBy !== 'model' || classes.some((name) => meaningOf(name) === meaningOf(text))
}

/** Equal for labels that mean the same: equal numbers (0, 0.0), and True, TRUE and true. */
function meaningOf(label: string): string {
  if (/^[+-]?(0|[1-9]\d{0,14})(\.\d+)?$/.test(label)) return String(Number(label))
  return /^(true|false)$/i.test(label) ? label.toLowerCase() : label
}

function inOrder(names: readonly string[]): string[] {
  const numeric = names.every((name) => Number.isFinite(Number(name)))
  return names.toSorted((a, b) => (numeric ? Number(a) - Number(b) : 0) || (a < b ? -1 : 1))
}

function findColumn(header: readonly string[], name: string): number {
  const [first, second] = columnsNamed(header, name)
  if (first === undefined) {
    const near = nearNames(header, name)
    const suggestions = [
      ...(near.length > 0 ? [`Did you mean ${listed(near)}?`] : []),
      `The columns are ${listed(header, NAMES_OF_A_FILE_SHOWN)}.`,
    ]
    throw new PermanentError(`The file has no column ${name}, which was named as the label.`, {
      code: 'label-column-missing',
      line: 1,
      column: name,
      suggestions: [
        ...suggestions,
        'Name the column to predict: cloud-runner upload FILE --label-column NAME',
      ],
    })
  }
  if (second !== undefined) {
    throw new PermanentError(
      `Two columns have the label's name, ${name}: columns ${first + 1} and ${second + 1}.`,
      {
        code: 'label-column-ambiguous',
        line: 1,
        column: second + 1,
        suggestions: ['Rename one of them in the header.'],
      },
    )
  }
  return first
}

/** @returns -1 if there is none, or if several match */
function onlyColumn(header: readonly string[], name: string): number {
  const [first, second] = columnsNamed(header, name)
  return second === undefined ? (first ?? -1) : -1
}

/** The columns of that name; if there is none, those that differ only in whitespace or zero-width characters. */
function columnsNamed(header: readonly string[], name: string): number[] {
  const places = (spelled: (text: string) => string): number[] =>
    header.flatMap((column, i) => (spelled(column) === spelled(name) ? [i] : []))
  const exact = places((text) => text.trim())
  return exact.length > 0 ? exact : places(withPlainBlanks)
}

function withPlainBlanks(text: string): string {
  return text
    .replaceAll(/[\u200b-\u200d\u2060]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
