import {fieldsOf} from '../../core/json.ts'

/** An error or a warning from Terraform. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning'
  readonly summary: string
  readonly detail: string
  /** Of the current resource: `google_pubsub_topic.uploads`. */
  readonly address: string | undefined
}

/** An event from a line of `-json` output; others are ignored. */
export type TerraformEvent =
  | {readonly kind: 'diagnostic'; readonly diagnostic: Diagnostic}
  | {
      readonly kind: 'start' | 'complete'
      readonly action: string
      readonly address: string
      readonly resourceType: string
    }
  /** After an apply: the module's outputs. */
  | {readonly kind: 'outputs'; readonly values: Readonly<Record<string, unknown>>}

/**
 * A line of Terraform's machine-readable UI, https://developer.hashicorp.com/terraform/internals/machine-readable-ui.
 * Reads of data sources, which change nothing, are left out, and so is `resource_drift`, which reports what Terraform
 * itself has just changed.
 */
export function parseEvent(line: string): TerraformEvent | undefined {
  let fields: Readonly<Record<string, unknown>>
  try {
    fields = fieldsOf(JSON.parse(line))
  } catch {
    return undefined
  }
  switch (fields['type']) {
    case 'diagnostic':
      return {kind: 'diagnostic', diagnostic: diagnosticIn(fields['diagnostic'])}
    case 'apply_start':
    case 'apply_complete': {
      const hook = fieldsOf(fields['hook'])
      const resource = fieldsOf(hook['resource'])
      const action = text(hook['action'])
      if (action === 'read') return undefined
      return {
        kind: fields['type'] === 'apply_start' ? 'start' : 'complete',
        action,
        address: text(resource['addr']),
        resourceType: text(resource['resource_type']),
      }
    }
    case 'outputs': {
      const outputs = Object.entries(fieldsOf(fields['outputs'])).map(([name, output]) => [
        name,
        fieldsOf(output)['value'],
      ])
      return {kind: 'outputs', values: Object.fromEntries(outputs)}
    }
    default:
      return undefined
  }
}

function diagnosticIn(value: unknown): Diagnostic {
  const {severity, summary, detail, address} = fieldsOf(value)
  return {
    severity: severity === 'warning' ? 'warning' : 'error',
    summary: text(summary),
    detail: text(detail),
    address: typeof address === 'string' ? address : undefined,
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
