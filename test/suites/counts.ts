/** How many tests of a suite ended in which way. */
export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The words of mocha's and pytest's last lines, and of `go test -v` at each test. */
const WORDS = {
  passed: /(?<count>\d+) (?:passing|passed)\b|^ *--- PASS: \S+\/\S+/gm,
  failed: /(?<count>\d+) (?:failing|failed|errors?)\b|^ *--- FAIL: \S+\/\S+/gm,
  skipped: /(?<count>\d+) (?:pending|skipped|xfailed|deselected)\b|^ *--- SKIP: \S+\/\S+/gm,
}

/** Reads the counts from what the runner of a suite printed. */
export function countsOf(output: string): Counts {
  const count = (words: RegExp): number =>
    [...output.matchAll(words)].reduce((sum, {groups}) => sum + Number(groups?.['count'] ?? 1), 0)
  return {passed: count(WORDS.passed), failed: count(WORDS.failed), skipped: count(WORDS.skipped)}
}
