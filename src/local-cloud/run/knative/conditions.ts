import type {Condition} from '../resources.ts'

const STATUS = {
  CONDITION_SUCCEEDED: 'True',
  CONDITION_FAILED: 'False',
  CONDITION_PENDING: 'Unknown',
  CONDITION_RECONCILING: 'Unknown',
} as const

/** A condition in Knative's form: severity is given only if it is below an error; reasons are in PascalCase. */
export function toKnativeCondition({
  type,
  state,
  message,
  lastTransitionTime,
  severity,
  ...reasons
}: Condition): object {
  const reason = reasons.reason ?? reasons.revisionReason ?? reasons.executionReason
  return {
    type,
    status: STATUS[state],
    lastTransitionTime,
    ...(message === undefined ? {} : {message}),
    ...(reason === undefined ? {} : {reason: pascalCase(reason)}),
    ...(severity === undefined || severity === 'ERROR' ? {} : {severity: pascalCase(severity)}),
  }
}

/** `REVISION_FAILED` is `RevisionFailed` there. */
function pascalCase(name: string): string {
  return name
    .split('_')
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join('')
}
