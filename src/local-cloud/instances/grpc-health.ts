import {Client, credentials} from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** grpc.health.v1 (github.com/grpc/grpc/blob/master/doc/health-checking.md) */
const METHOD = '/grpc.health.v1.Health/Check'
const REQUEST = new protobuf.Type('HealthCheckRequest').add(new protobuf.Field('service', 1, 'string'))
const RESPONSE = new protobuf.Type('HealthCheckResponse').add(new protobuf.Field('status', 1, 'int32'))
const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/**
 * Checks the health of a service of a gRPC server on this machine, '' for the whole server.
 * @returns what is wrong, or `undefined` if it serves
 */
export function checkGrpcHealth(
  port: number,
  service: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const client = new Client(`ipv4:127.0.0.1:${port}`, credentials.createInsecure())
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      METHOD,
      (message: {service: string}) => Buffer.from(REQUEST.encode(message).finish()),
      (bytes) => RESPONSE.toObject(RESPONSE.decode(bytes), {defaults: true}),
      {service},
      {deadline: Date.now() + timeoutMs},
      (error, answer) => {
        client.close()
        const status = STATUSES[Number(answer?.['status'])] ?? 'no status'
        resolve(error ? error.details || error.message : status === 'SERVING' ? undefined : status)
      },
    )
  })
}
