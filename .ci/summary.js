import {readFileSync} from 'node:fs'

// The last lines of a run: what passed on the second try, what was skipped, and the counts. A skipped test whose title
// matches REQUIRED_TOOLS counts as failed: titles end with the tool that is missing.
const [file = '', status] = process.argv.slice(2)
const required = process.env.REQUIRED_TOOLS
const report = JSON.parse(readFileSync(file, 'utf8'))
const tests = report.testResults.flatMap(({assertionResults}) => assertionResults)
const broken = report.testResults.filter(
  (one) => one.status === 'failed' && one.assertionResults.length === 0,
).length
const skipped = tests.filter((one) => !['passed', 'failed'].includes(one.status)).map((one) => one.fullName)
const missed = required ? skipped.filter((name) => new RegExp(required).test(name)) : []

const lines = [
  ...tests
    .filter((one) => one.status === 'passed' && one.failureMessages.length > 0)
    .map((one) => `passed on the second try: ${one.fullName}\n${one.failureMessages.join('\n')}`),
  ...skipped.map((name) => `${missed.includes(name) ? 'failed, since it was skipped' : 'not run'}: ${name}`),
]
const counted = report.numFailedTests + broken + missed.length
const failed = counted === 0 && Number(status) !== 0 ? 1 : counted
const skips = report.numPendingTests + report.numTodoTests - missed.length
lines.push(`${report.numPassedTests} passed, ${failed} failed, ${skips} skipped`)
process.stdout.write(`${lines.join('\n')}\n`)
process.exitCode = failed === 0 ? 0 : 1
