import {requireOwner} from './admin-routes.ts'
import {ApiError} from './wire/api-error.ts'
import {parseFaults} from './wire/fault-rules.ts'
import type {FaultPlan} from './wire/faults.ts'
import {route, type Route} from './wire/routes.ts'

/** `/_local-cloud/faults`: add, list and remove injected faults. */
export function faultRoutes(faults: FaultPlan): Route[] {
  return [
    route('POST', '/_local-cloud/faults', async ({call, json}) => {
      requireOwner(call.principal)
      return {json: {faults: faults.add(parseFaults(await json()))}}
    }),
    route('GET', '/_local-cloud/faults', ({call}) => {
      requireOwner(call.principal)
      return {json: {faults: faults.list()}}
    }),
    route('DELETE', '/_local-cloud/faults', ({call}) => {
      requireOwner(call.principal)
      faults.remove()
      return {json: {}}
    }),
    route('DELETE', '/_local-cloud/faults/:id', ({call, params}) => {
      requireOwner(call.principal)
      if (!faults.remove(params['id'])) {
        throw new ApiError('NOT_FOUND', `Fault ${params['id']} does not exist or has already happened.`)
      }
      return {json: {}}
    }),
  ].map((each) => ({...each, beyondFaults: true}))
}
