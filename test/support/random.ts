export interface Random {
  /** Above 0, below 1. */
  readonly uniform: () => number
  /** Mean 0, standard deviation 1. */
  readonly normal: () => number
}

/** The same numbers for the same seed (Park and Miller's generator), so that a failure can be repeated. */
export function randomFrom(seed: number): Random {
  let state = seed
  const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
  return {uniform, normal}
}
