/** How a figure of the synthetic companies is drawn, and its effect on their odds of bankruptcy. */
export interface Figure {
  name: string
  /** `typical` is the mean, or the median if log-normal; `spread` the standard deviation, or that of the logarithm. */
  shape: 'normal' | 'log-normal'
  typical: number
  spread: number
  /** Decimal places in the file; the label is drawn from the rounded value. */
  decimals: number
  /** Share of cells left empty at random. */
  missing: number
  /** Change in the log odds of bankruptcy per unit of the figure. */
  coefficient: number
}

/** Ratios that analysts use, on scales nine orders of magnitude apart. The numbers are invented. */
export const FIGURES: readonly Figure[] = [
  {
    name: 'revenue',
    shape: 'log-normal',
    typical: 24_000_000,
    spread: 0.8,
    decimals: 0,
    missing: 0,
    coefficient: -1.2e-8,
  },
  {
    name: 'total_assets',
    shape: 'log-normal',
    typical: 18_000_000,
    spread: 0.9,
    decimals: 0,
    missing: 0.01,
    coefficient: -8e-9,
  },
  {
    name: 'employees',
    shape: 'log-normal',
    typical: 120,
    spread: 0.7,
    decimals: 0,
    missing: 0.02,
    coefficient: -0.0015,
  },
  {
    name: 'current_ratio',
    shape: 'log-normal',
    typical: 1.6,
    spread: 0.45,
    decimals: 3,
    missing: 0.01,
    coefficient: -0.9,
  },
  {
    name: 'debt_ratio',
    shape: 'normal',
    typical: 0.58,
    spread: 0.19,
    decimals: 4,
    missing: 0,
    coefficient: 4.5,
  },
  {
    name: 'profit_margin',
    shape: 'normal',
    typical: 0.045,
    spread: 0.09,
    decimals: 4,
    missing: 0,
    coefficient: -7,
  },
  {
    name: 'return_on_assets',
    shape: 'normal',
    typical: 0.05,
    spread: 0.08,
    decimals: 4,
    missing: 0,
    coefficient: -5,
  },
  {
    name: 'interest_coverage',
    shape: 'normal',
    typical: 4.2,
    spread: 3.6,
    decimals: 2,
    missing: 0.08,
    coefficient: -0.12,
  },
  {
    name: 'asset_turnover',
    shape: 'log-normal',
    typical: 1.2,
    spread: 0.4,
    decimals: 3,
    missing: 0,
    coefficient: -0.3,
  },
  {
    name: 'inventory_days',
    shape: 'log-normal',
    typical: 55,
    spread: 0.6,
    decimals: 1,
    missing: 0.12,
    coefficient: 0.006,
  },
  {
    name: 'receivable_days',
    shape: 'log-normal',
    typical: 48,
    spread: 0.5,
    decimals: 1,
    missing: 0.03,
    coefficient: 0.009,
  },
  {
    name: 'cash_to_assets',
    shape: 'log-normal',
    typical: 0.0008,
    spread: 0.7,
    decimals: 7,
    missing: 0.02,
    coefficient: -350,
  },
]

/** Effects of the sectors on the log odds. They sum to 0, as fitted ones do under an L2 penalty. */
export const SECTORS: Readonly<Record<string, number>> = {
  agriculture: -0.15,
  construction: 0.55,
  energy: -0.45,
  manufacturing: 0.05,
  retail: 0.3,
  services: -0.3,
}

export const FIRST_YEAR = 2015
export const YEARS = 10
const YEAR_COEFFICIENT = -0.04

/** Log odds of a company with typical figures, in the middle of the years, in no sector: about one in seven. */
const TYPICAL_LOG_ODDS = -1.8

/** The model that the labels are drawn from, which a fit on enough rows must recover. */
export const SAMPLE_TRUTH = {
  label: 'bankrupt',
  /** Log odds with every figure and the year at 0. */
  intercept: FIGURES.reduce(
    (sum, {coefficient, typical}) => sum - coefficient * typical,
    TYPICAL_LOG_ODDS - YEAR_COEFFICIENT * (FIRST_YEAR + (YEARS - 1) / 2),
  ),
  /** Per unit of the column. */
  coefficients: {
    year: YEAR_COEFFICIENT,
    ...Object.fromEntries(FIGURES.map(({name, coefficient}) => [name, coefficient])),
  } satisfies Record<string, number>,
  sectors: SECTORS,
} as const
