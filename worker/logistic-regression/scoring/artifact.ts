import {createHash} from 'node:crypto'
import {INPUT_METADATA, WORKER_ENVIRONMENT, type Report} from '../../contract.ts'
import {type InputFile, PermanentError, type ProcessContext} from '../../processor.ts'
import {type CategoryEncoder, type NumericEncoder, termsOf} from '../encoding/preprocessing.ts'
import type {Transform} from '../encoding/transforms.ts'
import {outputsFor} from '../solver/objective.ts'
import type {Distribution} from '../table/distribution.ts'
import type {Artifact} from '../training/model.ts'

/** A pre-trained model and its source. */
export interface Pretrained {
  artifact: Artifact
  /** In the order of the design matrix, as a fit has them. */
  parameters: Float64Array
  source: NonNullable<Report['model']['pretrained']>
}

/**
 * Reads the model that the file's metadata names, otherwise the pipeline's. A file that names its own label column
 * trains its own model.
 * @returns undefined if there is none: train a model
 * @throws PermanentError `model-invalid`, and what {@link ProcessContext.readObject} throws
 */
export async function readPretrained(
  input: InputFile,
  context: ProcessContext,
): Promise<Pretrained | undefined> {
  const own = input.metadata[INPUT_METADATA.model]?.trim()
  const isToTrain = Boolean(input.metadata[INPUT_METADATA.labelColumn]?.trim())
  const uri = own || (isToTrain ? undefined : context.environment[WORKER_ENVIRONMENT.model]?.trim())
  if (!uri) return undefined
  const bytes = await context.readObject(uri)
  const artifact = parseArtifact(bytes, uri)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return {artifact, parameters: parametersOfArtifact(artifact), source: {uri, sha256}}
}

/**
 * Validates every field of a model: another program may have written it.
 * @throws PermanentError `model-invalid` that names the field
 */
export function parseArtifact(bytes: Uint8Array, uri: string): Artifact {
  const refuse: Refuse = (at, rule) =>
    new PermanentError(`The model ${uri} cannot be used: ${at === '' ? 'it' : at} must be ${rule}.`, {
      code: 'model-invalid',
      suggestions: [
        'Export the model of a result: cloud-runner model export OBJECT --output model.json',
        'What a model contains: docs/model.md',
      ],
    })
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw refuse('', 'JSON')
  }
  const root = new Field(parsed, '', refuse)
  root.at('format').oneOf('cloud-runner/logistic-regression')
  root.at('version').oneOf(1)
  const classes = root.at('classes').list((one) => one.text())
  if (classes.length < 2 || new Set(classes).size < classes.length)
    throw refuse('classes', 'two or more different names')
  const encoders = root.at('preprocessing')
  const preprocessing = {
    numbers: encoders.at('numbers').list(numericEncoder),
    categories: encoders.at('categories').list(categoryEncoder),
  }
  const weights = termsOf(preprocessing).length + 1
  const model = root.at('model')
  const distributions = root.at('distributions')
  const trainedBy = {numSteps: model.numberOr0('numSteps'), learningRate: model.numberOr0('learningRate')}
  const classifiers = model.at('classifiers').list((one) => {
    const [row, more] = one.at('weights').list((each) => each.list((value) => value.number()))
    if (row?.length !== weights || more !== undefined)
      throw refuse(
        `${one.path}.weights`,
        `one row of ${weights} numbers, for each column of the design matrix and the intercept`,
      )
    return {...trainedBy, weights: [row]}
  })
  if (classifiers.length !== classes.length)
    throw refuse('model.classifiers', `a list of ${classes.length}, one for each class`)
  const threshold = root.at('threshold')
  if (threshold.value !== undefined && classes.length !== 2)
    throw refuse('threshold', 'left out unless there are two classes')
  return {
    format: 'cloud-runner/logistic-regression',
    version: 1,
    label: root.at('label').text(),
    classes,
    ...(threshold.value === undefined ? {} : {threshold: threshold.positive()}),
    ...(distributions.value === undefined ? {} : {distributions: distributions.list(distributionOf)}),
    preprocessing,
    model: {
      name: model.at('name').oneOf('LogisticRegression'),
      ...trainedBy,
      numberClasses: classes.length,
      classifiers,
    },
  }
}

function numericEncoder(field: Field): NumericEncoder {
  const missing = field.at('missing')
  return {
    column: field.at('column').text(),
    transform: transformOf(field.at('transform')),
    median: field.at('median').number(),
    mean: field.at('mean').number(),
    scale: field.at('scale').positive(),
    missing:
      missing.value === null
        ? null
        : {mean: missing.at('mean').number(), scale: missing.at('scale').positive()},
  }
}

function transformOf(field: Field): Transform {
  const kind = field.at('kind').oneOf('identity', 'normal-scores')
  if (kind === 'identity') return {kind}
  const from = field.at('from').list((one) => one.number())
  const to = field.at('to').list((one) => one.number())
  const rises = from.every((value, i) => i === 0 || value > (from[i - 1] ?? Infinity))
  if (from.length < 2 || !rises) throw field.refuse(`${field.path}.from`, 'two or more rising numbers')
  if (to.length !== from.length) throw field.refuse(`${field.path}.to`, `as long as from, ${from.length}`)
  return {kind, from, to}
}

function categoryEncoder(field: Field): CategoryEncoder {
  const levels = field.at('levels').list((one) => one.text())
  if (new Set(levels).size < levels.length)
    throw field.refuse(`${field.path}.levels`, 'different from each other')
  const pooled = field.at('pooled').oneOf(true, false)
  const missing = field.at('missing').oneOf(true, false)
  const columns = levels.length + Number(pooled) + Number(missing)
  const commonest = field.at('commonest')
  return {
    column: field.at('column').text(),
    levels,
    pooled,
    missing,
    // Models of other programs, and our older ones, have none.
    commonest: commonest.value === undefined ? 0 : commonest.wholeBelow(columns),
  }
}

function distributionOf(field: Field): Distribution {
  const kind = field.at('kind').oneOf('number', 'category')
  const shares = field.at('shares').list((one) => one.number())
  const common = {
    column: field.at('column').text(),
    rows: field.at('rows').number(),
    missing: field.at('missing').number(),
    shares,
  }
  const bins =
    kind === 'number'
      ? field.at('quantiles').list((one) => one.number())
      : field.at('levels').list((one) => one.text())
  if (shares.length !== bins.length + 1)
    throw field.refuse(`${field.path}.shares`, `a list of ${bins.length + 1} numbers`)
  return kind === 'number'
    ? {
        ...common,
        kind,
        least: field.at('least').number(),
        most: field.at('most').number(),
        quantiles: field.at('quantiles').list((one) => one.number()),
      }
    : {...common, kind, levels: field.at('levels').list((one) => one.text())}
}

type Refuse = (at: string, rule: string) => PermanentError

/** A part of a JSON document with its path. */
class Field {
  readonly value: unknown
  readonly path: string
  readonly refuse: Refuse

  constructor(value: unknown, path: string, refuse: Refuse) {
    this.value = value
    this.path = path
    this.refuse = refuse
  }

  at(key: string): Field {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value))
      throw this.refuse(this.path, 'an object')
    return new Field(
      Reflect.get(this.value, key),
      this.path === '' ? key : `${this.path}.${key}`,
      this.refuse,
    )
  }

  list<T>(read: (item: Field) => T): T[] {
    if (!Array.isArray(this.value)) throw this.refuse(this.path, 'a list')
    return this.value.map((item: unknown, i) => read(new Field(item, `${this.path}[${i}]`, this.refuse)))
  }

  text(): string {
    if (typeof this.value !== 'string') throw this.refuse(this.path, 'a text')
    return this.value
  }

  number(): number {
    if (typeof this.value !== 'number' || !Number.isFinite(this.value))
      throw this.refuse(this.path, 'a number')
    return this.value
  }

  /** As `number`; 0 if there is none. */
  numberOr0(key: string): number {
    const field = this.at(key)
    return field.value === undefined ? 0 : field.number()
  }

  wholeBelow(end: number): number {
    const value = this.number()
    if (!Number.isInteger(value) || value < 0 || value >= end)
      throw this.refuse(this.path, `a whole number from 0 to ${end - 1}`)
    return value
  }

  positive(): number {
    const value = this.number()
    if (value <= 0) throw this.refuse(this.path, 'a number above 0')
    return value
  }

  oneOf<const T>(...values: readonly T[]): T {
    const found = values.find((value) => value === this.value)
    if (found === undefined)
      throw this.refuse(this.path, values.map((value) => JSON.stringify(value)).join(' or '))
    return found
  }
}

/** The artifact's weights as a fit has them: for two classes the log odds of the second. */
function parametersOfArtifact({classes, model}: Artifact): Float64Array {
  const rows = model.classifiers.map(({weights}) => weights[0] ?? [])
  if (outputsFor(classes.length) === 1) {
    const [first = [], second = []] = rows
    // Halves of the same number, whose sum is exact: reading restores what was written.
    return Float64Array.from(second, (value, j) => (first[j] ?? 0) - value)
  }
  return Float64Array.from(rows.flat(), (value) => -value)
}
