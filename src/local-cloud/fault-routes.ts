import {ownerRoute} from './admin-routes.ts'
import {ApiError} from './wire/api-error.ts'
import {parseFaults} from './wire/fault-rules.ts'
import type {FaultPlan} from './wire/faults.ts'
import type {Route} from './wire/routes.ts'

/** `/_local-cloud/faults`: add, list and remove injected faults. */
export function faultRoutes(faults: FaultPlan): Route[] {
  return [
    ownerRoute('POST', 'faults', async ({json}) => ({
      json: {faults: faults.add(parseFaults(await json()))},
    })),
    ownerRoute('GET', 'faults', () => ({json: {faults: faults.list()}})),
    ownerRoute('DELETE', 'faults', () => {
      faults.remove()
      return {json: {}}
    }),
    ownerRoute('DELETE', 'faults/:id', ({params}) => {
      if (!faults.remove(params['id'])) {
        throw new ApiError('NOT_FOUND', `Fault ${params['id']} does not exist or has already happened.`)
      }
      return {json: {}}
    }),
  ]
}
