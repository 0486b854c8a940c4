import type {Container, EnvVar, Probe} from '../resources.ts'
import type {KnativeContainer, KnativeProbe} from './messages.ts'

/** A container of the Admin API v2 in Knative's form. CPU settings other than limits are annotations there. */
export function toKnativeContainer({
  env,
  resources,
  startupProbe,
  livenessProbe,
  readinessProbe,
  ...same
}: Container): object {
  return {
    ...same,
    ...(env
      ? {env: env.map(({name, value, valueSource}) => ({name, value, ...secretSource(valueSource)}))}
      : {}),
    ...(resources?.limits ? {resources: {limits: resources.limits}} : {}),
    ...(startupProbe ? {startupProbe} : {}),
    ...(livenessProbe ? {livenessProbe} : {}),
    ...(readinessProbe ? {readinessProbe} : {}),
  }
}

/**
 * A container in Knative's form, translated to the Admin API v2.
 * @param cpu CPU settings from the annotations of a service's template; a job has none
 */
export function fromKnativeContainer(
  {
    env,
    resources,
    startupProbe,
    livenessProbe,
    readinessProbe,
    volumeMounts,
    ports,
    ...same
  }: KnativeContainer,
  cpu?: {readonly cpuIdle?: boolean; readonly startupCpuBoost?: boolean},
): Container {
  const limits = resources?.limits
  return {
    ...same,
    ...(env
      ? {
          env: env.map(({name, value, valueFrom}) => ({
            ...(name === undefined ? {} : {name}),
            ...(value === undefined ? {} : {value}),
            ...(valueFrom?.secretKeyRef
              ? {
                  valueSource: {
                    secretKeyRef: {
                      ...(valueFrom.secretKeyRef.name === undefined
                        ? {}
                        : {secret: valueFrom.secretKeyRef.name}),
                      ...(valueFrom.secretKeyRef.key === undefined
                        ? {}
                        : {version: valueFrom.secretKeyRef.key}),
                    },
                  },
                }
              : {}),
          })),
        }
      : {}),
    ...(limits || Object.keys(cpu ?? {}).length > 0
      ? {resources: {...(limits ? {limits} : {}), ...(cpu ? {cpuIdle: true, ...cpu} : {})}}
      : {}),
    ...(ports
      ? {
          ports: ports.map(({name, containerPort}) => ({
            ...(name === undefined ? {} : {name}),
            ...(containerPort === undefined ? {} : {containerPort}),
          })),
        }
      : {}),
    ...(volumeMounts ? {volumeMounts} : {}),
    ...(startupProbe ? {startupProbe: fromKnativeProbe(startupProbe)} : {}),
    ...(livenessProbe ? {livenessProbe: fromKnativeProbe(livenessProbe)} : {}),
    ...(readinessProbe ? {readinessProbe: fromKnativeProbe(readinessProbe)} : {}),
  }
}

/** `successThreshold` can only be 1, and Cloud Run accepts neither host nor scheme. */
function fromKnativeProbe({successThreshold: _one, httpGet, tcpSocket, ...same}: KnativeProbe): Probe {
  return {
    ...same,
    ...(httpGet
      ? {
          httpGet: {
            ...(httpGet.path === undefined ? {} : {path: httpGet.path}),
            ...(httpGet.port === undefined ? {} : {port: httpGet.port}),
            ...(httpGet.httpHeaders ? {httpHeaders: httpGet.httpHeaders} : {}),
          },
        }
      : {}),
    ...(tcpSocket ? {tcpSocket: tcpSocket.port === undefined ? {} : {port: tcpSocket.port}} : {}),
  }
}

function secretSource(source: EnvVar['valueSource']): object {
  const {secret, version} = source?.secretKeyRef ?? {}
  return secret === undefined ? {} : {valueFrom: {secretKeyRef: {name: secret, key: version}}}
}
