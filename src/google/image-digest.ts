import type {protos} from '@google-cloud/run'
import {WORKER_ENVIRONMENT} from '../../worker/contract.ts'
import {isJsonObject} from '../core/json.ts'
import {objectsIn, type Json} from './rest.ts'

type Container = protos.google.cloud.run.v2.IContainer

/** The variable from which a container learns the digest of its image; empty without one. */
export function imageDigestVariable(image: string): {name: string; value: string} {
  return {name: WORKER_ENVIRONMENT.imageDigest, value: /sha256:[0-9a-f]{64}$/.exec(image)?.[0] ?? ''}
}

/** Whether a service's container has that variable; one that someone else's Terraform created need not. */
export function hasImageDigest(service: Json): boolean {
  const template = service['template']
  const containers = isJsonObject(template) ? objectsIn(template, 'containers') : []
  const variables = containers.flatMap((container) => objectsIn(container, 'env'))
  return variables.some((one) => one['name'] === WORKER_ENVIRONMENT.imageDigest)
}

/**
 * The container with another image, and that image's digest in the variable; without one if it has none, since a
 * service that someone else's Terraform created would differ from its plan.
 */
export function withImage<C extends Container>(container: C, image: string): C {
  const variable = imageDigestVariable(image)
  const env = container.env?.map((one) => (one.name === variable.name ? variable : one))
  return {...container, image, ...(env === undefined ? {} : {env})}
}
