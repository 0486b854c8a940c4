const thousands = new Intl.NumberFormat('en-US')

/** A whole number with thousands separators. */
export function count(value: number): string {
  return thousands.format(value)
}

/** A number with three significant digits, without trailing zeros. */
export function figure(value: number): string {
  const digits = value.toPrecision(3)
  // The largest doubles, rounded up, overflow.
  return Number.isFinite(Number(digits)) ? String(Number(digits)) : digits
}

/** `84 to 89 %`: two shares in percent. */
export function percentRange([low, high]: readonly [low: number, high: number]): string {
  return `${percent(low).replace(/\s%$/, '')} to ${percent(high)}`
}

/** A share in percent, with one decimal below ten. */
export function percent(share: number): string {
  const hundredths = share * 100
  return `${hundredths.toFixed(hundredths < 10 && hundredths > 0 ? 1 : 0)}\u00a0%`
}
