import {Random} from './random.ts'
import {FIGURES, type Figure, FIRST_YEAR, SAMPLE_TRUTH, SECTORS, YEARS} from './truth.ts'

export const SAMPLE_ROWS = 1000
export const SAMPLE_SEED = 1
/** Share of rows without a label: the ones to predict. */
const UNLABELLED = 0.1
const ROWS_A_CHUNK = 500

export interface SampleOptions {
  /** Rows below the header. */
  rows?: number
  seed?: number
  /** Leaves no cell empty: every row has all figures and a label. */
  complete?: boolean
}

/**
 * Generates `financial_statements.csv`: companies with a year, a sector, a dozen financial figures, and whether the
 * company went bankrupt, empty for the rows to predict. The data is synthetic: no company is real, and the labels are
 * drawn from {@link SAMPLE_TRUTH}. The same options always give the same text.
 * @returns the text in chunks, header first, so that a file of any length can be streamed
 */
export function* generateSample({
  rows = SAMPLE_ROWS,
  seed = SAMPLE_SEED,
  complete = false,
}: SampleOptions = {}): Generator<string> {
  const random = new Random(seed)
  const sectors = Object.keys(SECTORS)
  yield `${['company_id', 'year', 'sector', ...FIGURES.map(({name}) => name), SAMPLE_TRUTH.label].join(',')}\n`
  let chunk = ''
  for (let row = 1; row <= rows; row++) {
    const year = FIRST_YEAR + random.integer(YEARS)
    const sector = sectors[random.integer(sectors.length)] ?? ''
    let logOdds = SAMPLE_TRUTH.intercept + SAMPLE_TRUTH.coefficients.year * year + (SECTORS[sector] ?? 0)
    let cells = ''
    for (const figure of FIGURES) {
      const text = draw(figure, random).toFixed(figure.decimals)
      logOdds += figure.coefficient * Number(text)
      // Always drawn, so that a complete sample has the same companies.
      const isMissing = random.uniform() < figure.missing
      cells += `,${isMissing && !complete ? '' : text}`
    }
    const bankrupt = random.uniform() < 1 / (1 + Math.exp(-logOdds))
    const isUnlabelled = random.uniform() < UNLABELLED
    const label = isUnlabelled && !complete ? '' : bankrupt ? '1' : '0'
    chunk += `C${String(row).padStart(7, '0')},${year},${sector}${cells},${label}\n`
    if (row % ROWS_A_CHUNK === 0 || row === rows) {
      yield chunk
      chunk = ''
    }
  }
}

function draw({shape, typical, spread}: Figure, random: Random): number {
  return shape === 'normal'
    ? typical + spread * random.normal()
    : typical * Math.exp(spread * random.normal())
}
