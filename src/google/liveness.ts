import type {protos} from '@google-cloud/run'
import {fieldsOf, type JsonObject} from '../core/json.ts'

type Container = protos.google.cloud.run.v2.IContainer

const PATH = '/healthz'

/**
 * The liveness probe of a worker that serves `/healthz` on a port of its own. Patient, since a blocked worker
 * usually ends itself: the probe is for one that cannot even do that.
 * https://cloud.google.com/run/docs/configuring/healthchecks
 */
export function livenessProbe(port: number) {
  return {httpGet: {path: PATH, port}, timeoutSeconds: 10, periodSeconds: 30, failureThreshold: 3}
}

/** The port of a container's liveness probe, if it is one of ours. */
export function livenessPortOf(container: Container | JsonObject): number | undefined {
  const {path, port} = fieldsOf(fieldsOf(container.livenessProbe)['httpGet'])
  return path === PATH && typeof port === 'number' && port > 0 ? port : undefined
}

/** The container with our liveness probe, or without it; a probe that someone else has set stays. */
export function withLiveness(container: Container, port: number | undefined): Container {
  if (livenessPortOf(container) === port) return container
  return {...container, livenessProbe: port === undefined ? null : livenessProbe(port)}
}
