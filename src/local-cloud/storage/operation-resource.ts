import type {Operation} from '../operations/operations.ts'
import type {JsonObject} from '../wire/json.ts'

/** https://cloud.google.com/storage/docs/json_api/v1/operations#resource */
export function operationJson(operation: Operation, origin: string): JsonObject {
  const [, , , bucket, , id] = operation.name.split('/')
  return {
    kind: 'storage#operation',
    ...operation,
    selfLink: `${origin}/storage/v1/b/${bucket}/operations/${id}`,
  }
}
