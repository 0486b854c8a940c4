/**
 * Settings of the model, from an object's metadata, the worker's environment or a flag. This one declaration gives the
 * flags' help, the checks in the CLI and in the worker, and the documentation.
 */
export interface ModelOptions {
  C?: number | 'auto'
  solver?: 'exact' | 'ml-logistic-regression'
  numSteps?: number
  learningRate?: number
  classWeight?: 'balanced'
  threshold?: number
  maximize?: 'f1'
  include?: string[]
  exclude?: string[]
  id?: string[]
  positiveClass?: string
  bins?: 2
  folds?: number
  seed?: number
  transforms?: 'on' | 'off'
}

interface Declaration {
  /** What it does, for help and docs. */
  readonly does: string
  /** What its value must be, to follow "must be". */
  readonly rule: string
  /** How a value on the command line is read. */
  readonly from: 'number' | 'list' | 'text'
  readonly accepts: (value: unknown) => boolean
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isWhole = (value: unknown): value is number => isNumber(value) && Number.isInteger(value)
const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')

/** By name; the order is that of help and docs. */
export const MODEL_OPTIONS: Readonly<Record<keyof ModelOptions, Declaration>> = {
  C: {
    does: 'inverse strength of the L2 penalty (default 1); auto takes the best of 0.001 to 1000 by held-out loss',
    rule: 'a number from 1e-9 to 1e9, or auto',
    from: 'number',
    accepts: (value) => value === 'auto' || (isNumber(value) && value >= 1e-9 && value <= 1e9),
  },
  solver: {
    does: "exact finds the optimum (default); ml-logistic-regression is that package's own training: gradient descent without a penalty",
    rule: 'exact or ml-logistic-regression',
    from: 'text',
    accepts: (value) => value === 'exact' || value === 'ml-logistic-regression',
  },
  numSteps: {
    does: 'steps of the solver ml-logistic-regression (default 50000)',
    rule: 'a whole number from 1 to 10000000',
    from: 'number',
    accepts: (value) => isWhole(value) && value >= 1 && value <= 1e7,
  },
  learningRate: {
    does: 'length of its steps, per unit of the gradient (default 0.0005)',
    rule: 'a number above 0, 1 at most',
    from: 'number',
    accepts: (value) => isNumber(value) && value > 0 && value <= 1,
  },
  classWeight: {
    does: 'balanced gives all classes the same total weight in the fit, however many rows they have',
    rule: 'balanced',
    from: 'text',
    accepts: (value) => value === 'balanced',
  },
  threshold: {
    does: 'probability of the positive class from which a row is predicted as it (default 0.5); two classes only',
    rule: 'a number between 0 and 1',
    from: 'number',
    accepts: (value) => isNumber(value) && value > 0 && value < 1,
  },
  maximize: {
    does: 'f1 takes the threshold with the highest F1 score on held-out rows; two classes only',
    rule: 'f1',
    from: 'text',
    accepts: (value) => value === 'f1',
  },
  include: {
    does: 'columns to learn from; all others are left out',
    rule: 'a list of column names',
    from: 'list',
    accepts: isNames,
  },
  exclude: {
    does: 'columns to leave out',
    rule: 'a list of column names',
    from: 'list',
    accepts: isNames,
  },
  id: {
    does: 'columns that identify rows, which are left out',
    rule: 'a list of column names',
    from: 'list',
    accepts: isNames,
  },
  positiveClass: {
    does: 'the class whose odds are modeled, of two; by default the last',
    rule: 'the name of a class',
    from: 'text',
    accepts: (value) => typeof value === 'string' && value !== '',
  },
  bins: {
    does: '2 splits a label column of numbers at its median into two classes',
    rule: '2',
    from: 'number',
    accepts: (value) => value === 2,
  },
  folds: {
    does: 'folds of the cross-validation (default 5)',
    rule: 'a whole number from 2 to 20',
    from: 'number',
    accepts: (value) => isWhole(value) && value >= 2 && value <= 20,
  },
  seed: {
    does: 'seed of the random assignment of rows to folds',
    rule: 'a whole number from 0 to 4294967295',
    from: 'number',
    accepts: (value) => isWhole(value) && value >= 0 && value < 2 ** 32,
  },
  transforms: {
    does: 'off leaves numbers with far tails as they are',
    rule: 'on or off',
    from: 'text',
    accepts: (value) => value === 'on' || value === 'off',
  },
}

const EXCLUSIVE = [
  ['threshold', 'maximize'],
  ['include', 'exclude'],
] as const

/** What only one of the solvers has. */
const OF_EXACT = ['C', 'classWeight'] as const
const OF_LIBRARY = ['numSteps', 'learningRate'] as const

/** Why options cannot be used. */
export interface OptionFault {
  message: string
  suggestion: string
  /** The name of an option that there is none of. */
  unknown?: string
}

/** Checks options that arrive as JSON or from flags; every name and value. */
export function checkModelOptions(value: unknown): {options: ModelOptions} | {fault: OptionFault} {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return {
      fault: {message: 'The model options must be a JSON object.', suggestion: 'For instance: {"C": 0.1}'},
    }
  for (const [name, given] of Object.entries(value)) {
    if (!isOptionName(name)) return {fault: unknownOption(name)}
    const {accepts, rule, does} = MODEL_OPTIONS[name]
    if (!accepts(given)) {
      return {
        fault: {
          message: `The model option ${name} must be ${rule}, not ${typeof given === 'number' ? given : JSON.stringify(given)}.`,
          suggestion: `${name}: ${does}.`,
        },
      }
    }
  }
  const options: ModelOptions = {...value}
  const useless = options.solver === undefined ? undefined : faultOfSolver(options)
  if (useless !== undefined) return {fault: useless}
  const clash = EXCLUSIVE.find(([one, other]) => options[one] !== undefined && options[other] !== undefined)
  return clash === undefined
    ? {options}
    : {
        fault: {
          message: `The model options ${clash.join(' and ')} exclude each other.`,
          suggestion: `Give only one of them.`,
        },
      }
}

/** The fault of options of which the solver does not have one. */
export function faultOfSolver(options: ModelOptions): OptionFault | undefined {
  const isLibrary = options.solver === 'ml-logistic-regression'
  const name = (isLibrary ? OF_EXACT : OF_LIBRARY).find((one) => options[one] !== undefined)
  return name === undefined
    ? undefined
    : {
        message: `The solver ${isLibrary ? 'ml-logistic-regression' : 'exact'} has no model option ${name}.`,
        suggestion: `Leave it out, or choose the other solver: --set solver=${isLibrary ? 'exact' : 'ml-logistic-regression'}`,
      }
}

/** Overrides options with others, each of which also replaces the one that it excludes. */
export function overrideOptions(options: ModelOptions, over: ModelOptions): ModelOptions {
  const kept = {...options}
  for (const [one, other] of EXCLUSIVE) {
    if (over[one] !== undefined) delete kept[other]
    if (over[other] !== undefined) delete kept[one]
  }
  const isExact = over.solver === 'exact' || OF_EXACT.some((name) => over[name] !== undefined)
  if (isExact) for (const name of ['solver', ...OF_LIBRARY] as const) delete kept[name]
  if (over.solver === 'ml-logistic-regression') for (const name of OF_EXACT) delete kept[name]
  return {...kept, ...over}
}

/** Reads `NAME=VALUE` of the command line; lists are delimited by commas. */
export function readOptionText(
  text: string,
): {name: keyof ModelOptions; value: unknown} | {fault: OptionFault} {
  const at = text.indexOf('=')
  const name = at === -1 ? text : text.slice(0, at)
  if (!isOptionName(name)) return {fault: unknownOption(name)}
  const given = at === -1 ? '' : text.slice(at + 1).trim()
  const {from} = MODEL_OPTIONS[name]
  if (from === 'list') return {name, value: given.split(',').map((part) => part.trim())}
  return {
    name,
    value: from === 'number' && given !== '' && Number.isFinite(Number(given)) ? Number(given) : given,
  }
}

function isOptionName(name: string): name is keyof ModelOptions {
  return Object.hasOwn(MODEL_OPTIONS, name)
}

function unknownOption(name: string): OptionFault {
  return {
    message: name === '' ? 'A model option has no name.' : `There is no model option ${name}.`,
    suggestion: `The model options are ${Object.keys(MODEL_OPTIONS).join(', ')}.`,
    unknown: name,
  }
}
