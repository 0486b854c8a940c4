/** A V8 frame, with or without its function, or a Python frame. */
const V8_FRAME = /^\s*at (?:.*\()?(?:file:\/\/)?([^()]+):(\d+):(\d+)\)?$/
const PYTHON_FRAME = /^\s*File "([^"]+)", line (\d+)/
/** Paths that are not the worker's own: the runtime, packages, and the bundle where it has no source mapping. */
const FOREIGN =
  /^(?:node:|<)|(?:^|\/)(?:node_modules|site-packages|dist-packages|lib\/python[\d.]+|cloud-runner\/worker)\/|\/app\/(?:runtime\/|worker\.c?js$)/
/** The first line of an error as V8 and Python print it. */
const ERROR = /^(?:Uncaught )?[\w.]*(?:Error|Exception)(?: \[\w+\])?(?::.*)?$/

/**
 * Where an error occurred, by its stack: the innermost frame in the worker's own sources.
 * @returns `processor.ts:17:9`, relative to the worker's folder; without a column for Python; `undefined` if there is none
 */
export function placeOf(stack: string): string | undefined {
  const places: string[] = []
  let isPython = false
  for (const line of stack.split('\n')) {
    const [, path, row, column] = V8_FRAME.exec(line) ?? PYTHON_FRAME.exec(line) ?? []
    if (path === undefined || row === undefined || FOREIGN.test(path)) continue
    isPython ||= column === undefined
    const inImage = path.lastIndexOf('/app/')
    const name = inImage === -1 ? path : path.slice(inImage + '/app/'.length)
    places.push([name, row, ...(column === undefined ? [] : [column])].join(':'))
  }
  // Python prints the innermost frame last.
  return places.at(isPython ? -1 : 0)
}

/**
 * The error that a process printed when it crashed, in one line: `processor.ts:1:7 Error: boom at start`.
 * @returns `undefined` if the output has none
 */
export function crashIn(output: string): string | undefined {
  const error = output
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => ERROR.test(line))
  if (error === undefined) return undefined
  const place = placeOf(output)
  return place === undefined ? error : `${place} ${error}`
}

/** Whether a line of a crash says nothing about the worker: frames of Node and of the bundle. */
export function isForeignFrame(line: string): boolean {
  const [, path] = V8_FRAME.exec(line) ?? []
  return path !== undefined ? FOREIGN.test(path) : /^(?:\s*\^*|Node\.js v[\d.]+)$/.test(line)
}

/** A problem that quotes a container's output, in one line: the problem, and the error or last line of the output. */
export function inOneLine(problem: string): string {
  const output = problem.split('\n').slice(1)
  const said = crashIn(output.join('\n')) ?? output.findLast((line) => line.trim() !== '')?.trim()
  return said === undefined ? withoutOutput(problem) : `${withoutOutput(problem)} ${said}`
}

/** A problem without its quotation. */
export function withoutOutput(problem: string): string {
  return problem.replace(/(?: Its last output:)?\n[^]*$/, '')
}
