import {ApiError} from '../../wire/api-error.ts'
import type {JobSpec} from '../jobs/resources.ts'
import {jobFields, ownLabels} from './annotations.ts'
import {fromKnativeContainer} from './containers.ts'
import type {KnativeJob} from './messages.ts'

/** What a client wants, in the Admin API's form. @throws ApiError for what is not served */
export function fromKnativeJob({metadata = {}, spec = {}}: KnativeJob): JobSpec {
  const {template, ...tokens} = spec
  const task = template?.spec?.template?.spec
  if (!template || !task)
    throw new ApiError('INVALID_ARGUMENT', 'spec.template.spec.template.spec: should be set.')
  const {parallelism, taskCount} = template.spec ?? {}
  const {containers, maxRetries, serviceAccountName = '', timeoutSeconds, volumes = []} = task
  const labels = ownLabels(metadata.labels)
  const executionLabels = ownLabels(template.metadata?.labels)
  const {annotations} = jobFields(template.metadata?.annotations)
  return {
    ...tokens,
    ...jobFields(metadata.annotations),
    ...(labels ? {labels} : {}),
    template: {
      ...(executionLabels ? {labels: executionLabels} : {}),
      ...(annotations ? {annotations} : {}),
      ...(parallelism === undefined ? {} : {parallelism}),
      ...(taskCount === undefined ? {} : {taskCount}),
      template: {
        ...(containers ? {containers: containers.map((container) => fromKnativeContainer(container))} : {}),
        ...(maxRetries === undefined ? {} : {maxRetries}),
        ...(timeoutSeconds === undefined ? {} : {timeout: `${timeoutSeconds}s`}),
        ...(serviceAccountName === '' ? {} : {serviceAccount: serviceAccountName}),
        ...(volumes.length > 0 ? {volumes} : {}),
      },
    },
  }
}
