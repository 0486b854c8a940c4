import type {Operation} from '../operations/operations.ts'
import {locationOf} from './resources.ts'

/** The response to `validateOnly`: a finished operation that is not stored. */
export function validated(name: string, type: string, resource: object): Operation {
  const typed = {'@type': `type.googleapis.com/${type}`, ...resource}
  return {
    name: `${locationOf(name)}/operations/validate-only`,
    done: true,
    metadata: typed,
    response: typed,
  }
}
