import type {Container} from '../resources.ts'
import {violation} from '../violation.ts'
import type {ExecutionTemplate, Overrides} from './resources.ts'

/**
 * A job's template as one execution runs it (google.cloud.run.v2.RunJobRequest.Overrides): arguments are replaced,
 * variables merged by name.
 * @throws ApiError INVALID_ARGUMENT for a container that the job does not have
 */
export function applyOverrides(
  template: ExecutionTemplate,
  {containerOverrides = [], taskCount = 0, timeout}: Overrides,
): ExecutionTemplate {
  const containers = [...(template.template?.containers ?? [])]
  for (const [index, override] of containerOverrides.entries()) {
    const {name = ''} = override
    const at = containers.length === 1 && name === '' ? 0 : containers.findIndex((one) => one.name === name)
    const container = containers[at]
    if (!container)
      throw violation(`overrides.container_overrides[${index}].name`, `the job has no container "${name}"`)
    containers[at] = overridden(container, override)
  }
  return {
    ...template,
    ...(taskCount > 0 ? {taskCount} : {}),
    template: {...template.template, containers, ...(timeout === undefined ? {} : {timeout})},
  }
}

function overridden(
  {args: kept, env: own = [], ...container}: Container,
  {args = [], env = [], clearArgs}: NonNullable<Overrides['containerOverrides']>[number],
): Container {
  const replaced = new Set(env.map(({name}) => name))
  const merged = [...own.filter(({name}) => !replaced.has(name)), ...env]
  const next = clearArgs === true ? [] : args.length > 0 ? args : (kept ?? [])
  return {
    ...container,
    ...(next.length > 0 ? {args: next} : {}),
    ...(merged.length > 0 ? {env: merged} : {}),
  }
}
