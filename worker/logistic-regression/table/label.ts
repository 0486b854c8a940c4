import {INPUT_METADATA, WORKER_ENVIRONMENT, type Report} from '../../contract.ts'
import {type InputFile, PermanentError, type ProcessContext} from '../../processor.ts'
import {isMissing} from '../csv/missing.ts'

/** Distinct values up to which the last column becomes the label if none is named. */
const MOST_CLASSES_UNNAMED = 20
/** Distinct values beyond which even a named label is a number or text, not a class. */
const MOST_CLASSES_NAMED = 100
const NAMES_SHOWN = 10
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
  /** Rows with a label that a pre-trained model does not know: they count as unlabelled. */
  unknown: number
}

/** The object's metadata goes before the pipeline's setting; with neither, the last column is tried. */
export function chooseLabel(input: InputFile, environment: ProcessContext['environment']): LabelChoice {
  const ofObject = input.metadata[INPUT_METADATA.labelColumn]?.trim()
  if (ofObject) return {name: ofObject, chosenBy: 'object'}
  const ofPipeline = environment[WORKER_ENVIRONMENT.labelColumn]?.trim()
  if (ofPipeline) return {name: ofPipeline, chosenBy: 'pipeline'}
  return {name: undefined, chosenBy: 'last-column'}
}

/** Collects the label column of one file. */
export class LabelBuilder {
  readonly index: number
  readonly #name: string
  readonly #choice: LabelChoice
  readonly #header: readonly string[]
  /** The classes by what makes them equal, in the order of appearance, each as it was first written. */
  readonly #classes = new Map<string, {code: number; name: string}>()

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
    const limit = this.#choice.name === undefined ? MOST_CLASSES_UNNAMED : MOST_CLASSES_NAMED
    if (this.#classes.size === limit) throw this.#tooManyClasses(limit)
    const code = this.#classes.size
    this.#classes.set(key, {code, name: text})
    return code
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
              'Logistic regression predicts classes: name another column with --label-column, or bin this one.',
            ],
          },
        )
  }

  /**
   * @param codes of the rows; they become those of {@link Label}
   * @throws PermanentError `no-labelled-row`, `one-class`
   */
  build(codes: Int32Array): Label {
    const names = [...this.#classes.values()].map(({name}) => name)
    const {classes} = this.#choice
    const isMinus = (classes ?? names).includes(POSITIVE)
    const missing = isMinus ? undefined : this.#classes.get(NEGATIVE)?.code
    if (missing !== undefined) codes.forEach((code, row) => (codes[row] = code === missing ? -1 : code))
    if (classes !== undefined) return this.#assign(codes, names, classes)
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
    return this.#assign(codes, names, inOrder(found))
  }

  /** Turns numbers in the order of appearance into indexes of classes. */
  #assign(codes: Int32Array, found: readonly string[], classes: readonly string[]): Label {
    const place = new Map(classes.map((name, i) => [meaningOf(name), i]))
    const codeToClass = found.map((name) => place.get(meaningOf(name)) ?? -1)
    let unknown = 0
    codes.forEach((code, row) => {
      const assigned = code < 0 ? -1 : (codeToClass[code] ?? -1)
      if (code >= 0 && assigned < 0) unknown++
      codes[row] = assigned
    })
    const {chosenBy} = this.#choice
    return {name: this.#name, index: this.index, chosenBy, classes: [...classes], codes, unknown}
  }
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
  const [first, second] = placesOf(header, name)
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
  const [first, second] = placesOf(header, name)
  return second === undefined ? (first ?? -1) : -1
}

/** The columns of that name; if there is none, those that differ only in whitespace or zero-width characters. */
function placesOf(header: readonly string[], name: string): number[] {
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

/** The columns whose names are like `name`. */
export function nearNames(header: readonly string[], name: string): string[] {
  return header.map((column) => column.trim()).filter((column) => isNear(column, name))
}

/** Names in a sentence: the first few, and how many more there are. */
export function listed(names: readonly string[], most = NAMES_SHOWN): string {
  const shown = names.slice(0, most).map((name) => name.trim())
  const more = names.length - shown.length
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ')
}

function isNear(column: string, name: string): boolean {
  const [a, b] = [column.toLowerCase(), name.toLowerCase()]
  return (
    a === b ||
    (b.length >= 3 && (a.includes(b) || editDistance(a, b) <= Math.max(1, Math.floor(b.length / 4))))
  )
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return 9
  let previous = Array.from({length: b.length + 1}, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substituted))
    }
    previous = row
  }
  return previous[b.length] ?? 0
}
