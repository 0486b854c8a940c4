export type Severity = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR' | 'CRITICAL'

/** Writes one structured line per entry, the format that Cloud Logging reads from a container's stdout. */
export interface Log {
  (severity: Severity, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** A log whose lines also carry these labels, and the trace if there is one. */
  labelled(labels: Readonly<Record<string, string>>, trace?: string): Log
  /** The fields on every line of this log: labels and trace. */
  readonly common: Readonly<Record<string, unknown>>
}

/**
 * A log of JSON lines. `severity`, `message`, `time` and the `logging.googleapis.com/…` names are Google's special
 * fields (cloud.google.com/logging/docs/structured-logging); everything else goes to the entry's `jsonPayload`.
 */
export function createLog(
  writeLine: (line: string) => void,
  now: () => Date = () => new Date(),
  labels: Readonly<Record<string, string>> = {},
  trace?: string,
): Log {
  const common = {
    ...(Object.keys(labels).length > 0 ? {'logging.googleapis.com/labels': labels} : {}),
    ...(trace === undefined ? {} : {'logging.googleapis.com/trace': trace}),
  }
  const log = (severity: Severity, message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    const special = {severity, message, time: now().toISOString(), ...common}
    writeLine(toJson({...fields, ...special}) ?? JSON.stringify(special))
  }
  return Object.assign(log, {
    common,
    labelled: (more: Readonly<Record<string, string>>, itsTrace = trace) =>
      createLog(writeLine, now, {...labels, ...more}, itsTrace),
  })
}

/**
 * An error's log fields: its stack, and the messages of its causes. Never its other fields, which may hold request
 * headers.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return {error: String(error)}
  const causes: string[] = []
  for (let cause = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause) {
    causes.push(cause.message)
  }
  return {stack_trace: error.stack ?? error.message, ...(causes.length > 0 ? {causes} : {})}
}

function toJson(value: object): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    // Most lines have no bigint, and a replacer is called for every field.
  }
  try {
    return JSON.stringify(value, (_, field: unknown) => (typeof field === 'bigint' ? String(field) : field))
  } catch {
    return undefined // circular fields of a process must not lose the line
  }
}
