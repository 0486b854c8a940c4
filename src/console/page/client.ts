import type {Problem} from '../api.ts'

const TOKEN = 'cloud-runner-console-token'

/** An error that the console answered with. */
export class ProblemError extends Error {
  readonly problem: Problem
  readonly status: number

  constructor(problem: Problem, status: number) {
    super(problem.message)
    this.problem = problem
    this.status = status
  }
}

/** Takes the token from the address's fragment, which no server sees, and removes it from there. */
export function takeToken(): void {
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  if (given === null) return
  localStorage.setItem(TOKEN, given)
  history.replaceState(null, '', location.pathname + location.search)
}

/** Requests JSON. @throws ProblemError */
export async function request<T>(
  method: 'GET' | 'POST',
  path: string,
  {body, signal}: {readonly body?: Blob; readonly signal?: AbortSignal} = {},
): Promise<T> {
  const response = await fetch(path, {
    method,
    headers: {authorization: `Bearer ${localStorage.getItem(TOKEN) ?? ''}`},
    ...(body === undefined ? {} : {body}),
    ...(signal === undefined ? {} : {signal}),
  })
  const text = await response.text()
  if (!response.ok) throw new ProblemError(problemIn(text, response.status), response.status)
  // The console's own answers have the shapes of api.ts.
  const answer: T = JSON.parse(text)
  return answer
}

function problemIn(text: string, status: number): Problem {
  const given: Partial<Problem> = text.startsWith('{') ? JSON.parse(text) : {}
  const message = `The console answered with HTTP status ${status}.`
  return {code: String(status), message, suggestions: [], ...given}
}

/** Any thrown value as a problem to show. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem
  return {
    code: 'unreachable',
    message: error instanceof Error ? error.message : String(error),
    suggestions: ['Check that the console is still running in its terminal.'],
  }
}
