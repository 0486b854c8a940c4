const UNIT_BYTES: Readonly<Record<string, number>> = {Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30}

/** Bytes of an amount such as `512Ki`, `5Mi` or `1.5Gi`. @returns `undefined` if the text is not an amount */
export function parseAmount(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)([KMG]i)$/.exec(text) ?? []
  const bytes = UNIT_BYTES[unit]
  return bytes === undefined ? undefined : Number(amount) * bytes
}
