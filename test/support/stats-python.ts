import {spawnSync} from 'node:child_process'

/** A Python with scikit-learn, pandas and statsmodels: `STATS_PYTHON`, or python3. */
export const STATS_PYTHON = process.env['STATS_PYTHON'] ?? 'python3'

/** Whether it has these modules. */
export function hasModules(...names: readonly string[]): boolean {
  return spawnSync(STATS_PYTHON, ['-c', `import ${names.join(', ')}`]).status === 0
}
