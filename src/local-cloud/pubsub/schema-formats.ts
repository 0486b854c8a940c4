import type {Encoding, MessageCheck} from './protocol-buffer-schemas.ts'
import {ApiError} from '../wire/api-error.ts'

export type SchemaType = 'AVRO' | 'PROTOCOL_BUFFER'
export type {Encoding, MessageCheck}

/**
 * Reads the definition of a schema: https://cloud.google.com/pubsub/docs/schemas#schema-definition-format
 * @throws ApiError INVALID_ARGUMENT for one that cannot be read
 */
export async function readDefinition(type: SchemaType, definition: string): Promise<MessageCheck> {
  const read = await (type === 'AVRO' ? loadAvro() : loadProtocolBuffers())
  try {
    return read(definition)
  } catch (error) {
    throw new ApiError(
      'INVALID_ARGUMENT',
      `Invalid schema definition: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

async function loadAvro(): Promise<(definition: string) => MessageCheck> {
  const {default: avro} = await import('avsc')
  return (definition) => {
    const type = avro.Type.forSchema(JSON.parse(definition))
    if (type.typeName !== 'record') throw new Error('it is not a record.')
    return (data, encoding) =>
      void (encoding === 'JSON' ? type.fromString(data.toString('utf8')) : type.fromBuffer(data))
  }
}

async function loadProtocolBuffers(): Promise<(definition: string) => MessageCheck> {
  const {readProtocolBuffer} = await import('./protocol-buffer-schemas.ts')
  return readProtocolBuffer
}
