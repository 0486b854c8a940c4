import type {Problem} from '../api.ts'
import type {AnswerTo, Operation} from '../operations.ts'

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

export interface Question {
  /** What the path's `{name}` stands for. */
  readonly name?: string
  readonly query?: URLSearchParams
}

/** The path of a question, with its query. */
export function pathOf(operation: Operation, {name = '', query}: Question = {}): string {
  const path = operation.replace(/^\w+ /, '').replace(/\{\w+\}/, () => encodeURIComponent(name))
  return query === undefined || query.size === 0 ? path : `${path}?${query}`
}

/** Asks the console. @throws ProblemError */
export async function ask<O extends Operation>(
  operation: O,
  {body, signal, ...question}: Question & {readonly body?: Blob; readonly signal?: AbortSignal} = {},
): Promise<AnswerTo<O>> {
  const response = await fetch(pathOf(operation, question), {
    method: operation.replace(/ .*/, ''),
    headers: {authorization: `Bearer ${localStorage.getItem(TOKEN) ?? ''}`},
    ...(body === undefined ? {} : {body}),
    ...(signal === undefined ? {} : {signal}),
  })
  const text = await response.text()
  if (!response.ok) throw new ProblemError(problemIn(text, response.status), response.status)
  // The server's routes are checked against the same types.
  const answer: AnswerTo<O> = JSON.parse(text)
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
